using UffdActors.Model.Operations.Maps;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Handling;

/// <summary>Memory that is continued, and a hole that is punched into it before the push gets there.</summary>
public sealed class HoleUnderPushTests
{
    private const int Pages = 6;
    private const int Hole = 3;

    [Theory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    public async Task The_push_ends_behind_a_page_that_was_removed_and_reports_nothing(string dispatcher)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(dispatcher));
        using TestSource source = new(Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", WithAlias = true });
        Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await uffd.RegisterAsync(region, RegisterModes.Minor);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.AdviseAsync(region, Hole, 1, Advice.Remove);

        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(TimeSpan.FromMinutes(5));

        // What was given back is done: nothing was asked for, and nothing is absent.
        Assert.Equal((Pages - 1, 0L), (push.ReceivedPages, push.AbsentPages));
        Assert.DoesNotContain(source.Orders, order => order.FirstPage <= Hole && Hole < order.FirstPage + order.Pages);
        Assert.False(vm.Incidents.TryRead(out Incident? incident), incident?.Message);
        // CONTINUE never allocates: the page is a hole still, and its first thread will find zeros.
        Assert.False(vm.NewReader().TryRead(region, Hole, new byte[8]));
        Assert.True(vm.NewReader().TryRead(region, Hole + 1, new byte[8]));
    }
}
