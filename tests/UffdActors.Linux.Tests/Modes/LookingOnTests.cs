using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>What a run shows to those who look on, without a call to the kernel.</summary>
[Collection(Unmapping.Name)]
public sealed class LookingOnTests
{
    private const int Pages = 130;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_observer_is_told_of_each_fault_with_a_trace_of_its_own(string world)
    {
        List<FaultTrace> told = [];
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, observer: told.Add);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        await ReadAsync(vm, region, 3, 3, 64, 7);

        Assert.Equal([3UL, 64UL, 7UL], told.Select(t => (t.Address - region.Address) >> 12));
        Assert.Equal(3, told.Distinct().Count());
        Assert.All(told, t =>
        {
            Assert.InRange(t.Raised, 1, t.Read);
            Assert.InRange(t.Data, t.Requested, t.Resumed);
            // Live a vCPU may run before the ioctl that has woken it returns, and is stamped.
            if (!vm.IsLive) Assert.InRange(t.Installed, t.Data, t.Resumed);
            else if (t.Installed != 0) Assert.InRange(t.Installed, t.Data, long.MaxValue);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_noted_state_is_what_the_runtime_knows_without_asking(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1);
        await vm.Vm.AdviseAsync(region, 1, 1, Advice.DontNeed);

        Assert.Equal(
            [PageState.FromSource, PageState.Removed, PageState.Absent],
            new long[] { 0, 1, 2 }.Select(page => vm.Uffd.NotedStateOf(region, page)));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => vm.Uffd.NotedStateOf(region, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Received_pages_are_copied_64_at_a_time(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 1, 64, 129);

        PageBitmap received = vm.Uffd.ReceivedOf(region);
        // Live the vCPU runs before the call that has filled its page is counted.
        Assert.True(SpinWait.SpinUntil(() => received.Contains(129), LiveScene.Deadline));
        ulong[] words = new ulong[3];
        received.CopyTo(words);

        Assert.Equal([2UL, 1UL, 2UL], words);
        _ = Assert.Throws<ArgumentException>(() => received.CopyTo(new ulong[2]));
    }

    private static async Task ReadAsync(EitherWorld vm, GuestRegion region, params long[] pages)
    {
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, pages);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
    }
}
