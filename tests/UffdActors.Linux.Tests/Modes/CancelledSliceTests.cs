using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using static UffdActors.Linux.Tests.Modes.SliceScene;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Calls over large ranges that are cancelled between two slices say what was done, and can be finished.</summary>
[Collection(nameof(SliceScene))]
public sealed class CancelledSliceTests
{
    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_call_that_is_cancelled_between_two_slices_says_what_was_done_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        using CancellationTokenSource protect = new();
        long done = 0;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            done = slice.End;
            await protect.CancelAsync();
        };

        CallCancelledException cancelled =
            await Assert.ThrowsAsync<CallCancelledException>(() => vm.Uffd.ProtectAsync(region, 0, Pages, protect.Token));
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        Assert.Contains(
            $"UFFDIO_WRITEPROTECT of region {region.Id} was cancelled when {cancelled.BytesDone} of {(long)region.Bytes} bytes were done",
            cancelled.Message, StringComparison.Ordinal);
        Incident incident = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal((IncidentKind.CancelledCallEnded, cancelled.Message), (incident.Kind, incident.Message));
        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, Marker));

        // What was unregistered has no protection any more; the region is registered until all of it is not.
        vm.Uffd.Calls.AfterSlice = null;
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        using CancellationTokenSource unregister = new();
        vm.Uffd.Calls.AfterSlice = _ => unregister.CancelAsync();
        cancelled = await Assert.ThrowsAsync<CallCancelledException>(() => vm.Uffd.UnregisterAsync(region, unregister.Token));
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        vm.Uffd.Calls.AfterSlice = null;
        Assert.Equal(Pages - done, vm.PagesWith(region, Marker).Count());
        Assert.Equal(Errno.ENOENT, (await vm.Uffd.ProtectAsync(region, 0, Pages)).Error);
        Assert.True((await vm.Uffd.ProtectAsync(region, done, Pages - done)).IsDone);
        await vm.Uffd.UnregisterAsync(region);
        Assert.Empty(vm.PagesWith(region, Marker));
        await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.ProtectAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Unprotecting_that_is_cancelled_between_two_slices_leaves_the_rest_protected_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);

        long done = await CancelledAsync(vm, "UFFDIO_WRITEPROTECT", token => vm.Uffd.UnprotectAsync(region, 0, Pages, token));

        Assert.Equal(Enumerable.Range((int)done, (int)(Pages - done)), vm.PagesWith(region, Marker));
        Assert.True((await vm.Uffd.UnprotectAsync(region, done, Pages - done)).IsDone);
        Assert.Empty(vm.PagesWith(region, Marker));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_move_that_is_cancelled_between_two_slices_leaves_the_rest_where_it_was_and_can_be_finished(string world)
    {
        // What a machine of the model has pages for.
        const int Moved = Slice + 8;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Moved, RegisterModes.Missing);
        GuestRegion staging = await vm.MapAsync(Moved);
        await vm.WriteAsync(staging, [.. Enumerable.Range(0, Moved).Select(p => (long)p)]);

        long done = await CancelledAsync(
            vm, "UFFDIO_MOVE", token => vm.Uffd.MoveAsync(region, 0, staging, 0, Moved, MoveModes.None, token));

        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal(Enumerable.Range((int)done, (int)(Moved - done)), vm.PagesWith(staging, PagemapFlags.Present));
        Assert.Equal(done, vm.Uffd.ReceivedOf(region).Count);
        Assert.True((await vm.Uffd.MoveAsync(region, done, staging, done, Moved - done)).IsDone);
        Assert.Equal(Moved, vm.Uffd.ReceivedOf(region).Count);
        Assert.Empty(vm.PagesWith(staging, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Poisoning_that_is_cancelled_between_two_slices_counts_what_was_done_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);

        long done = await CancelledAsync(vm, "UFFDIO_POISON", token => vm.Uffd.PoisonAsync(region, 0, Pages, token));

        Assert.Equal(done, vm.Uffd.ReceivedOf(region).Count);
        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, PagemapFlags.Swap));
        Assert.True((await vm.Uffd.PoisonAsync(region, done, Pages - done)).IsDone);
        Assert.Equal(Pages, vm.Uffd.ReceivedOf(region).Count);
    }

    /// <summary>A call that is cancelled behind its first slice.</summary>
    /// <returns>Base pages that were done.</returns>
    private static async Task<long> CancelledAsync(EitherWorld vm, string name, Func<CancellationToken, Task> call)
    {
        using CancellationTokenSource cancel = new();
        long done = 0;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            done = slice.End;
            await cancel.CancelAsync();
        };
        CallCancelledException cancelled = await Assert.ThrowsAsync<CallCancelledException>(() => call(cancel.Token));
        vm.Uffd.Calls.AfterSlice = null;
        Assert.InRange(done, 1, Pages - 1);
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        Assert.StartsWith(name, cancelled.Message, StringComparison.Ordinal);
        Incident incident = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal((IncidentKind.CancelledCallEnded, cancelled.Message), (incident.Kind, incident.Message));
        return done;
    }
}
