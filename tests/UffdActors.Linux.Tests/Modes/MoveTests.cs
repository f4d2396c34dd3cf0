using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>UFFDIO_MOVE between regions of one VM.</summary>
public sealed class MoveTests
{
    private const int Pages = 8;
    private const long Page = 4096;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Moved_pages_leave_a_hole_arrive_with_their_bytes_and_wake_who_waits(string world)
    {
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion staging = await vm.MapAsync(4);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(staging, 0, 1, 2);
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 5);
        await source.Asked.Task.WaitAsync(LiveScene.Deadline);

        Assert.Equal(new IoctlResult(Errno.None, 2 * Page), await vm.Uffd.MoveAsync(region, 4, staging, 1, 2));

        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal([0], vm.PagesWith(staging, PagemapFlags.Present));
        Assert.Equal([4, 5], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal(GuestLayout.ValueOf(0, 1), vm.Word(region, 4));
        Assert.Equal(GuestLayout.ValueOf(0, 2), vm.Word(region, 5));
        Assert.Equal(2, vm.Uffd.ReceivedOf(region).Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_hole_or_a_conflict_ends_a_move_with_what_was_done_before(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion staging = await vm.MapAsync(Pages);
        await vm.WriteAsync(staging, 0, 1, 3, 4, 5);

        Assert.Equal(new IoctlResult(Errno.EAGAIN, 2 * Page), await vm.Uffd.MoveAsync(region, 0, staging, 0, 4));
        Assert.Equal(new IoctlResult(Errno.ENOENT, -(long)Errno.ENOENT), await vm.Uffd.MoveAsync(region, 2, staging, 2, 1));
        Assert.Equal(new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST), await vm.Uffd.MoveAsync(region, 1, staging, 3, 1));
        Assert.Equal(new IoctlResult(Errno.None, 2 * Page), await vm.Uffd.MoveAsync(region, 2, staging, 2, 2, MoveModes.AllowSourceHoles));
        Assert.Equal([0, 1, 3], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal([4, 5], vm.PagesWith(staging, PagemapFlags.Present));
        // A hole that counts as moved has brought nothing.
        Assert.Equal([0, 1, 3], Enumerable.Range(0, Pages).Where(p => vm.Uffd.ReceivedOf(region).Contains(p)));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Protection_stays_behind(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion staging = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        await vm.WriteAsync(staging, 0);
        Assert.True((await vm.Uffd.ProtectAsync(staging, 0, 1)).IsDone);

        Assert.True((await vm.Uffd.MoveAsync(region, 0, staging, 0, 1)).IsDone);

        Assert.Equal((PagemapFlags.Present, PagemapFlags.None), (vm.Entries(region)[0], vm.Entries(staging)[0]));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Shared_memory_does_not_move_and_neither_does_what_is_served(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion shared = await vm.MapAsync(Pages, "shmem");
        await vm.WriteAsync(shared, 0);

        Assert.Equal(new IoctlResult(Errno.EINVAL, -(long)Errno.EINVAL), await vm.Uffd.MoveAsync(region, 0, shared, 0, 1));
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.MoveAsync(region, 0, region, 4, 1));
        Assert.Contains("is being served", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.MoveAsync(shared, 0, region, 0, 1));
    }
}
