using UffdActors.Linux.Tests.Live;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A userfaultfd and a push that are disposed of by themselves, before their VM.</summary>
public sealed class DisposalTests
{
    /// <summary>Live, a thread goes on when its page is there, which may be before the ring hears of the fill.</summary>
    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task What_the_guest_has_got_is_not_absent_when_it_is_closed_at_once(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        for (int i = 0; i < 100; i++)
        {
            using PageBytes source = new(1);
            Userfault uffd = await vm.Vm.OpenAsync();
            GuestRegion region = await vm.MapAsync(1);
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            Task<Errno> read = vm.ReadInKernelAsync(region, 0);
            Assert.Equal(Errno.None, await read);
            await uffd.CloseAsync();
        }
    }

    private const int Pages = 64;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_userfaultfd_without_absent_pages_is_closed_and_the_guest_goes_on(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.Uffd.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
        await vm.Uffd.DisposeAsync();
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Uffd.UnregisterAsync(region));
        await vm.WriteAsync(region, 0, Pages - 1);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task One_with_absent_pages_is_given_up_with_the_guest(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages) { Withholds = true };
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup waits = await vm.StartAsync(region, isWrite: false, 0);
        await source.Asked.Task.WaitAsync(LiveScene.Deadline);
        await vm.Uffd.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
        _ = await Assert.ThrowsAsync<VmFailedException>(() => waits.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Equal(0, waits.Accesses);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task After_its_VM_there_is_nothing_to_do(string world)
    {
        EitherWorld vm = await EitherWorld.StartAsync(world);
        await vm.DisposeAsync();
        await vm.Uffd.DisposeAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_that_is_disposed_of_asks_for_nothing_more(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        ScriptedSource source = new(Pages);
        source.GoAway();
        using PageBytes demand = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = demand });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await LiveScene.UntilAsync(() => source.Asked > 0);
        await push.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
        int asked = source.Asked;
        source.ComeBack();
        vm.Uffd.Recover();
        await vm.WriteAsync(region, 5);
        await LiveScene.UntilAsync(() => vm.Uffd.ReceivedOf(region).Count == 1);
        Assert.Equal(asked, source.Asked);
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => push.WaitAsync());
        await push.DisposeAsync();
        source.Dispose();
    }
}
