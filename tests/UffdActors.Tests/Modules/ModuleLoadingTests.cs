using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Akka.Configuration;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Modules;

/// <summary>
/// A third party's module comes from its own file, by configuration, and can be unloaded when no mapping uses it; a runtime without any
/// module works.
/// </summary>
public sealed class ModuleLoadingTests : IDisposable
{
    private const int Pages = 3;

    private readonly string _firmware = Path.GetTempFileName();

    public ModuleLoadingTests() =>
        File.WriteAllBytes(_firmware, [.. Enumerable.Range(0, Pages * 4096).Select(i => (byte)(0x40 + (i / 4096)))]);

    public void Dispose() => File.Delete(_firmware);

    [Fact]
    public async Task A_module_is_loaded_from_its_file_and_its_faults_are_resolved()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(WithRom());
        MemoryModule rom = runtime.Modules.Find("rom");
        Assert.NotSame(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(rom.GetType().Assembly));
        await UseAsync(runtime, "rom", RegisterModes.Minor);
    }

    [Fact]
    public async Task A_module_is_found_without_its_namespace()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(WithRom(name => name["UffdActors.SampleRom.".Length..]));
        Assert.Equal("rom", runtime.Modules.Find("rom").Name);
    }

    [Fact]
    public void A_module_that_its_file_does_not_have_is_refused_with_those_that_it_has()
    {
        ModuleException refused = Assert.Throws<ModuleException>(
            () => UffdRuntime.Start(WithRom(name => name.Replace("RomModule,", "RamModule,", StringComparison.Ordinal))));
        Assert.Contains("has no type \"UffdActors.SampleRom.RamModule\"", refused.Message, StringComparison.Ordinal);
        Assert.Contains("it has UffdActors.SampleRom.RomModule", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unloading_is_refused_while_a_mapping_uses_the_module_and_works_afterwards()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(WithRom());
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "rom" });
        ModuleException refused = Assert.Throws<ModuleException>(() => runtime.UnloadModule("rom"));
        Assert.Contains("in use by a mapping", refused.Message, StringComparison.Ordinal);
        Assert.Contains(runtime.Modules.Modules, m => m.Name == "rom");

        await vm.UnmapAsync(region);
        runtime.UnloadModule("rom");
        Assert.DoesNotContain(runtime.Modules.Modules, m => m.Name == "rom");
        ModuleException gone =
            await Assert.ThrowsAsync<ModuleException>(() => vm.MapAsync(new RegionOptions { Pages = Pages, Module = "rom" }));
        Assert.Contains("There is no memory module \"rom\"", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_code_of_an_unloaded_module_goes_with_its_last_VM()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(WithRom());
        WeakReference code = await UseAndUnloadAsync(runtime);
        for (int i = 0; i < 20 && code.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // Let the runtime's own threads drop what they still have on their stacks.
            await Task.Yield();
        }

        Assert.False(code.IsAlive, "something still refers to the unloaded module");
    }

    [Fact]
    public async Task Without_any_module_anonymous_memory_works_and_shmem_is_absent()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(ConfigurationFactory.ParseString("uffd.modules = []"));
        Assert.Empty(runtime.Modules.Modules);
        await UseAsync(runtime, null, RegisterModes.Missing);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        ModuleException absent =
            await Assert.ThrowsAsync<ModuleException>(() => vm.MapAsync(new RegionOptions { Pages = 1, Module = "shmem" }));
        Assert.Equal(
            "There is no memory module \"shmem\"; no module is loaded. Modules of the model are listed in uffd.modules.", absent.Message);
    }

    [Fact]
    public async Task One_module_serves_many_VMs_at_the_same_time()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("parallel"));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => UseAsync(runtime, "shmem", RegisterModes.Missing)));
    }

    [Theory]
    [InlineData("nvram", "There is no built-in memory module \"nvram\"")]
    [InlineData("A.B, /no/such.dll", "there is no such file")]
    [InlineData("System.String, System.Private.CoreLib", "is not a MemoryModule")]
    public void A_module_that_cannot_be_had_is_named_in_one_line(string name, string problem)
    {
        ModuleException error =
            Assert.Throws<ModuleException>(() => UffdRuntime.Start(ConfigurationFactory.ParseString($"uffd.modules = [\"{name}\"]")));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_lacks_a_setting_says_which()
    {
        ModuleException error =
            Assert.Throws<ModuleException>(() => UffdRuntime.Start(ConfigurationFactory.ParseString($"uffd.modules = [\"{RomName()}\"]")));
        Assert.Contains("set uffd.module.rom.file", error.Message, StringComparison.Ordinal);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> UseAndUnloadAsync(UffdRuntime runtime)
    {
        await UseAsync(runtime, "rom", RegisterModes.Minor);
        WeakReference code = Reference(runtime);
        runtime.UnloadModule("rom");
        return code;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Reference(UffdRuntime runtime) =>
        new(AssemblyLoadContext.GetLoadContext(runtime.Modules.Find("rom").GetType().Assembly));

    private static async Task UseAsync(UffdRuntime runtime, string? module, RegisterModes modes)
    {
        using TestSource source = new(Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = module });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, modes);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1, 2)]);
        await vcpus.WaitAsync();
        Assert.Null(vcpus.Error);
        byte[] page = new byte[8];
        Assert.True(vm.NewReader().TryRead(region, 2, page));
        ulong expected = module == "rom" ? 0x4242_4242_4242_4242 : TestSource.WordOf(2);
        Assert.Equal(expected, BitConverter.ToUInt64(page));
    }

    private Config WithRom(Func<string, string>? rename = null) => ConfigurationFactory.ParseString(
        $"uffd.modules = [\"shmem\", \"{rename?.Invoke(RomName()) ?? RomName()}\"]\nuffd.module.rom.file = \"{_firmware}\"");

    private static string RomName()
    {
        // bin/<configuration>/<framework>, the same for every project.
        string[] parts = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar).Split(Path.DirectorySeparatorChar);
        string folder =
            Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../src/UffdActors.SampleRom/bin", parts[^2], parts[^1]));
        return $"UffdActors.SampleRom.RomModule, {folder}/UffdActors.SampleRom.dll";
    }
}
