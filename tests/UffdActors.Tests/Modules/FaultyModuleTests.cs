using Akka.Configuration;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Testing.Guests;

namespace UffdActors.Tests.Modules;

/// <summary>
/// A module that throws fails what it was asked for, and nothing else; one that contradicts itself is refused, or shows what the kernel
/// does.
/// </summary>
public sealed class FaultyModuleTests
{
    private const int Pages = 4;

    [Fact]
    public void A_hook_that_throws_ends_the_fill_with_EIO_after_what_was_done_and_the_VM_lives_on() =>
        WithFaulty("Copy", async (vm, region) =>
        {
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            Fill fill = new(vm.Main);
            fill.Begin(uffd.Context, FillKind.Copy, region.Address, region.Bytes, FillSource.Stamp(1));
            await vm.CallAsync("UFFDIO_COPY", fill, _ => Errno.None, CancellationToken.None);

            // Two pages were made before; they are mapped, and the count says so.
            Assert.Equal((Errno.EAGAIN, 2L * PageSize.Base), (fill.Error, fill.Out));
            fill.Begin(uffd.Context, FillKind.Copy, region.Address + (2 * PageSize.Base), PageSize.Base, FillSource.Stamp(1));
            await vm.CallAsync("UFFDIO_COPY", fill, _ => Errno.None, CancellationToken.None);
            Assert.Equal((Errno.EIO, -(long)Errno.EIO), (fill.Error, fill.Out));

            Incident incident = await vm.Incidents.ReadAsync();
            Assert.Equal(IncidentKind.BackendFailed, incident.Kind);
            Assert.Equal(
                "Module \"faulty\" threw InvalidOperationException while making a folio (Copy is broken); the call ends with EIO.",
                incident.Message);
            Assert.False(vm.Failed.IsCompleted);
            _ = await vm.MapAsync(new RegionOptions { Pages = 1 });
        });

    [Fact]
    public void A_thread_whose_fault_the_module_cannot_serve_gets_SIGBUS() => WithFaulty("Fault", async (vm, region) =>
    {
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0)]);
        await vcpus.WaitAsync();
        Assert.Contains("SigBus", vcpus.Error, StringComparison.Ordinal);
        Assert.Equal(IncidentKind.BackendFailed, (await vm.Incidents.ReadAsync()).Kind);
        Assert.False(vm.Failed.IsCompleted);
    });

    [Fact]
    public void A_module_that_throws_on_being_mapped_refuses_the_mapping_and_leaves_all_as_before() =>
        Stepped("CheckProtection", async vm =>
        {
            UffdException refused =
                await Assert.ThrowsAsync<UffdException>(() => vm.MapAsync(new RegionOptions { Pages = Pages, Module = "faulty" }));
            Assert.Equal(Errno.EIO, refused.Error);
            Assert.Empty(vm.AddressSpace.Map.Vmas.ToArray());
            Assert.Empty(vm.Regions);
            Assert.False(vm.Failed.IsCompleted);
        });

    [Fact]
    public void A_hook_that_is_told_of_a_mapping_cannot_prevent_it() => WithFaulty("OnMapped", async (vm, region) =>
    {
        Assert.Equal(IncidentKind.BackendFailed, (await vm.Incidents.ReadAsync()).Kind);
        Assert.Single(vm.AddressSpace.Map.Vmas.ToArray());
    });

    [Fact]
    public void A_table_without_its_hook_is_refused_unless_lax() => Assert.Contains(
        "has no Copy hook",
        Assert.Throws<Model.Backends.ModuleException>(() => UffdRuntime.Start(Modules(nameof(HooklessModule)))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_lax_table_without_its_hook_warns_once_and_gives_EINVAL()
    {
        using SteppedHost host =
            new(Modules(nameof(HooklessModule)).WithFallback(ConfigurationFactory.ParseString("uffd.lax-modules = on")));
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "hookless" });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            for (int i = 0; i < 3; i++)
            {
                Fill fill = new(vm.Main);
                fill.Begin(uffd.Context, FillKind.Copy, region.Address, PageSize.Base, FillSource.Stamp(1));
                UffdException refused =
                    await Assert.ThrowsAsync<UffdException>(() => vm.CallAsync("UFFDIO_COPY", fill, f => f.Error, CancellationToken.None));
                Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), (refused.Error, fill.Out));
            }

            Incident warning = await vm.Incidents.ReadAsync();
            Assert.Equal(IncidentKind.KernelWarning, warning.Kind);
            Assert.Contains("\"hookless\" advertises what needs Copy", warning.Message, StringComparison.Ordinal);
            Assert.False(vm.Incidents.TryRead(out _));
        });
    }

    private static void WithFaulty(string hook, Func<UffdVm, GuestRegion, Task> body) => Stepped(
        hook, async vm => await body(vm, await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "faulty" })));

    private static void Stepped(string hook, Func<UffdVm, Task> body)
    {
        FaultyModule.Throws.Value = hook;
        using SteppedHost host = new(Modules(nameof(FaultyModule)));
        host.Loop.Policy = new FifoPolicy();
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            await body(vm);
        });
    }

    private static Config Modules(string type) =>
        ConfigurationFactory.ParseString($"uffd.modules = [\"UffdActors.Tests.Modules.{type}, UffdActors.Tests\"]");
}
