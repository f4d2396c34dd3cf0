using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Memory of the kernel that is continued, with content that goes in through the alias.</summary>
public sealed class AliasTests
{
    private const int Pages = 4;
    private const long Page = 2;

    [SkippableFact]
    public async Task A_page_of_zeros_that_could_not_be_had_at_first_is_mapped_and_no_handler_crashes()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        using FailsOnce source = new();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", WithAlias = true });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Minor);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(Page)]);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Null(vcpus.Error);
        Assert.False(vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
        byte[] bytes = [1, 1, 1, 1, 1, 1, 1, 1];
        Assert.True(vm.NewReader().TryRead(region, Page, bytes));
        Assert.All(bytes, b => Assert.Equal(0, b));
    }

    [SkippableFact]
    public async Task The_push_ends_behind_a_page_that_was_removed()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        using PageBytes source = new(Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", WithAlias = true });
        Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await uffd.RegisterAsync(region, RegisterModes.Minor);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.AdviseAsync(region, Page, 1, Advice.Remove);

        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal((Pages - 1, 0), (push.ReceivedPages, push.AbsentPages));
        Assert.False(vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    /// <summary>Pages of zeros, each of which fails once.</summary>
    private sealed class FailsOnce : IPageSource
    {
        private readonly HashSet<long> _asked = [];

        public long Pages => AliasTests.Pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            if (_asked.Add(order.FirstPage)) receiver.Failed(order.Id, new IOException("not now"));
            else receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
        }

        public void Dispose()
        {
        }
    }
}
