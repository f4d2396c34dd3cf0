using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Pages that are lost for good. On the real kernel they are touched by system calls only, which answer EFAULT: a touch in user mode would
/// end the process (RING L2), and that is why a VM does not take both poison and vCPUs.
/// </summary>
public sealed class PoisonTests
{
    private const int Pages = 8;
    private const long Page = 4096;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [InlineData("model", null)]
    [InlineData("live", null)]
    [InlineData("model", "shmem")]
    [InlineData("live", "shmem")]
    public async Task A_system_call_that_meets_poison_gets_EFAULT(string world, string? module)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing, module);
        Task<Errno> waits = vm.ReadInKernelAsync(region, 3);
        await vm.MessageAsync();

        Assert.Equal(new IoctlResult(Errno.None, 2 * Page), await vm.Uffd.PoisonAsync(region, 2, 2));

        Assert.Equal(Errno.EFAULT, await waits);
        Assert.Equal(Errno.EFAULT, await vm.ReadInKernelAsync(region, 2));
        Assert.Equal([2, 3], vm.PagesWith(region, PagemapFlags.Swap));
        Assert.Equal(new IoctlResult(Errno.EAGAIN, Page), await vm.Uffd.PoisonAsync(region, 1, 3));
        Assert.Equal(new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST), await vm.Uffd.PoisonAsync(region, 1, 1));
        Assert.Equal(3, vm.Uffd.ReceivedOf(region).Count);
        if (vm.IsLive)
            Assert.Equal(
                Errno.EHWPOISON,
                ((LiveKernel)vm.Vm.Kernel).MemoryOf(region).Guest.Advise(2 * Page, Page, MemoryAdvice.PopulateRead));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Poison_is_the_end_of_a_lost_page_where_the_policy_says_so(string world)
    {
        using LosingSource source = new(new PageBytes(Pages), lost: 3);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, PoisonLostPages = true });

        Assert.Equal(Errno.EFAULT, await vm.ReadInKernelAsync(region, 3));
        Assert.Equal(Errno.None, await vm.ReadInKernelAsync(region, 4));
        Assert.Equal(1, vm.Uffd.Reader!.Counters.PoisonedPages);
        Assert.True(vm.Uffd.ReceivedOf(region).Contains(3));

        // What has been touched is out of the push's way.
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal([3], vm.PagesWith(region, PagemapFlags.Swap));
        await vm.Uffd.CloseAsync();
        Assert.Equal(Errno.EFAULT, await vm.ReadInKernelAsync(region, 3));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task A_poisoned_page_is_told_as_such_and_not_as_the_sources(string world, RegisterModes modes)
    {
        using LosingSource source = new(new PageBytes(Pages), lost: 3);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, modes);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, PoisonLostPages = true });
        Assert.Equal(Errno.EFAULT, await vm.ReadInKernelAsync(region, 3));
        Assert.Equal(Errno.None, await vm.ReadInKernelAsync(region, 4));
        Assert.True((await vm.Uffd.PoisonAsync(region, 6, 2)).IsDone);

        Assert.Equal(
            [
                new(0, 3, PageState.Absent), new(3, 1, PageState.Poisoned), new(4, 1, PageState.FromSource), new(5, 1, PageState.Absent),
                new(6, 2, PageState.Poisoned),
            ],
            await vm.Uffd.PageStatesAsync(region, 0, Pages));

        // Given back it is zeros, and then it may be lost once more.
        await vm.Vm.AdviseAsync(region, 6, 1, Advice.DontNeed);
        Assert.Equal(
            [new(6, 1, PageState.Removed), new(7, 1, PageState.Poisoned)], await vm.Uffd.PageStatesAsync(region, 6, 2));
        Assert.True((await vm.Uffd.PoisonAsync(region, 6, 1)).IsDone);
        Assert.Equal([new(6, 2, PageState.Poisoned)], await vm.Uffd.PageStatesAsync(region, 6, 2));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_poisoned_page_that_was_taken_away_without_an_event_is_what_it_is_filled_with(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.PoisonAsync(region, 2, 1)).IsDone);

        await vm.Vm.AdviseAsync(region, 2, 1, Advice.DontNeed);
        Assert.Equal(Errno.None, await vm.ReadInKernelAsync(region, 2));

        Assert.Equal([new(2, 1, PageState.FromSource)], await vm.Uffd.PageStatesAsync(region, 2, 1));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task By_default_a_lost_page_is_waited_for_and_never_zeros(string world)
    {
        using LosingSource source = new(new PageBytes(Pages), lost: 3);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 2, 3);

        Incident lost = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal(IncidentKind.PageLost, lost.Kind);
        Assert.Equal(1, reads.Accesses);
        Assert.Equal([2], vm.PagesWith(region, PagemapFlags.Present));

        // It was not lost after all.
        source.Lost = -1;
        vm.Uffd.Recover();
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
    }

    [SkippableFact]
    public async Task Poison_and_vCPUs_in_one_process_exclude_each_other()
    {
        using PageBytes source = new(Pages);
        await using EitherWorld first = await EitherWorld.StartAsync("live");
        GuestRegion region = await first.RegisterAsync(Pages, RegisterModes.Missing);
        await first.Uffd.ServeAsync(new ServeOptions { Source = source, PoisonLostPages = true });
        await Assert.ThrowsAsync<InvalidOperationException>(() => first.StartAsync(region, isWrite: false, 0));

        await using EitherWorld second = await EitherWorld.StartAsync("live");
        region = await second.RegisterAsync(Pages, RegisterModes.Missing);
        VcpuGroup reads = await second.StartAsync(region, isWrite: false, 0);
        await Assert.ThrowsAsync<InvalidOperationException>(() => second.Uffd.PoisonAsync(region, 0, 1));
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => second.Uffd.ServeAsync(new ServeOptions { Source = source, PoisonLostPages = true }));
        await second.Uffd.ServeAsync(new ServeOptions { Source = source });
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    /// <summary>A source that has lost a page.</summary>
    private sealed class LosingSource(PageBytes source, long lost) : IPageSource
    {
        private long _lost = lost;

        public long Lost
        {
            set => Volatile.Write(ref _lost, value);
        }

        public long Pages => source.Pages;

        public bool AnswersAtOnce => false;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            long lost = Volatile.Read(ref _lost);
            if (lost >= order.FirstPage && lost < order.FirstPage + order.Pages)
                throw new PageLostException("its disk sector is unreadable");
            source.Request(order, receiver);
        }

        public void Dispose() => source.Dispose();
    }
}
