using Akka.Configuration;
using UffdActors.Model.Backends;
using UffdActors.Modules;

namespace UffdActors.Tests.Modules;

/// <summary>Code of a module that does not return keeps nobody for ever.</summary>
public sealed class BlockedModuleTests
{
    private static readonly Config Modules =
        ConfigurationFactory.ParseString("uffd.modules = [\"UffdActors.Tests.Modules.BlockedModule, UffdActors.Tests\"]");

    [Fact]
    public void A_constructor_that_does_not_return_is_a_module_that_cannot_be_loaded()
    {
        BlockedModule.At.Value = "constructor";
        try
        {
            ModuleException refused = Assert.Throws<ModuleException>(
                () => new ModuleLoader(TimeSpan.FromMilliseconds(100)).LoadAll(new ModuleTable(), UffdSettings.Load(Modules)));
            Assert.Equal(
                "Memory module \"UffdActors.Tests.Modules.BlockedModule, UffdActors.Tests\" has not returned for 0.1 s: its code blocks, "
                    + "or goes on for ever.", refused.Message);
        }
        finally
        {
            _ = BlockedModule.Go.Release();
            BlockedModule.Entered.Wait();
        }
    }

    [Fact]
    public async Task A_hook_that_does_not_return_ends_the_call_that_waits_for_it_and_is_named()
    {
        BlockedModule.At.Value = "OnMapped";
        await using UffdRuntime runtime = UffdRuntime.Start(Modules);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        Task<GuestRegion> mapping = vm.MapAsync(new RegionOptions { Pages = 1, Module = "blocked" });
        try
        {
            await BlockedModule.Entered.WaitAsync();
            while (!vm.Root.Calls!.Stuck.IsCompleted) vm.Root.Calls.Look();

            TimeoutException ended = await Assert.ThrowsAsync<TimeoutException>(() => mapping);
            Assert.Contains(
                "does not go on: Module \"blocked\", noting a mapping, has been called in a turn and has not returned for 30 s.",
                ended.Message, StringComparison.Ordinal);
        }
        finally
        {
            _ = BlockedModule.Go.Release();
        }
    }
}
