using System.Collections.Concurrent;
using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A push on a thread of its own: it fills beside the thread that serves faults, and never after something of which its decision did not
/// know (RING R9).
/// </summary>
public sealed class PushThreadTests
{
    private const int Pages = 1024;

    [SkippableTheory]
    [InlineData(false, UffdFeatures.None, false)]
    [InlineData(true, UffdFeatures.None, true)]
    // What an event says has to be known before anything else is filled: on one thread.
    [InlineData(true, UffdFeatures.EventRemove, false)]
    public async Task It_has_its_thread_where_it_asks_for_one_and_no_events_come(bool asks, UffdFeatures features, bool isApart)
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), features);
        ThreadNames names = new();
        VcpuGroup vcpus = await scene.RunAsync([.. Enumerable.Range(0, 4).Select(i => Steps.Random(i, Pages, 400))]);
        BackgroundPush push = await scene.Uffd.PushAsync(
            scene.Region, scene.Source, new PrefetchOptions { OnOwnThread = asks, Order = names });
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        // vCPUs compare every page that they read with what the source has.
        Assert.Null(vcpus.Error);
        Assert.Equal((Pages, 0L), (push.ReceivedPages, push.AbsentPages));
        Assert.Equal(isApart, Assert.Single(names.Seen.Keys).EndsWith("-push", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_call_of_the_embedder_between_decision_and_fill_has_it_decided_anew()
    {
        await using LiveScene scene = await LiveScene.StartAsync(
            new PageBytes(Pages), UffdFeatures.PagefaultFlagWp, modes: RegisterModes.Missing | RegisterModes.WriteProtect);
        using NativeBuffer bytes = new(PageSize.Base);
        (MonitorThread thread, IPageFill fill) = NewFill(scene);

        long decidedOn = thread.ChangeEpoch;
        Assert.Equal(Errno.None, (await scene.Uffd.UnprotectAsync(scene.Region, 0, 1)).Error);
        Assert.Equal((Errno.EAGAIN, -(long)Errno.EAGAIN), Fill(decidedOn));
        Assert.False(scene.Vm.NewReader().TryRead(scene.Region, 0, new byte[8]));
        Assert.Equal((Errno.None, PageSize.Base), Fill(thread.ChangeEpoch));
        Assert.True(scene.Vm.NewReader().TryRead(scene.Region, 0, new byte[8]));

        (Errno, long?) Fill(long epoch)
        {
            fill.DecideOn(epoch, hasLeftOpen: false);
            fill.Begin(FillKind.Copy, scene.Region.Address, PageSize.Base, FillSource.Buffer(bytes.Address), FillModes.None);
            Assert.True(fill.Advance());
            return (fill.Error, fill.Out);
        }
    }

    [SkippableFact]
    public async Task A_region_that_is_unmapped_takes_no_fill_that_was_decided_before()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), module: "shmem", modes: RegisterModes.Minor);
        using NativeBuffer bytes = new(PageSize.Base);
        (MonitorThread thread, IPageFill fill) = NewFill(scene);
        ulong alias = AliasOf(scene);
        Assert.True(thread.TryWriteAlias(alias, bytes.Address, PageSize.Base));

        fill.DecideOn(thread.ChangeEpoch, hasLeftOpen: false);
        fill.Begin(FillKind.Continue, scene.Region.Address, PageSize.Base, FillSource.Zero, FillModes.None);
        long decidedOn = thread.ChangeEpoch;
        await scene.Vm.UnmapAsync(scene.Region);
        Assert.True(fill.Advance());
        Assert.Equal(Errno.ENOENT, fill.Error);
        Assert.NotEqual(decidedOn, thread.ChangeEpoch);
        // Its address may be another mapping's by now.
        Assert.False(thread.TryWriteAlias(alias, bytes.Address, PageSize.Base));
    }

    [SkippableFact]
    public async Task After_the_close_it_makes_no_call()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages));
        (MonitorThread thread, IPageFill fill) = NewFill(scene);
        await scene.Uffd.AbandonAsync(AbsentPages.ReadAsZeros);
        fill.DecideOn(thread.ChangeEpoch, hasLeftOpen: false);
        fill.Begin(FillKind.ZeroPage, scene.Region.Address, PageSize.Base, FillSource.Zero, FillModes.None);
        Assert.True(fill.Advance());
        Assert.Equal((Errno.EBADF, -(long)Errno.EBADF), (fill.Error, fill.Out));
    }

    [SkippableTheory]
    [InlineData("pause")]
    [InlineData("unregister")]
    [InlineData("unmap")]
    [InlineData("abandon")]
    [InlineData("dispose")]
    public async Task Whatever_happens_to_its_region_in_between_it_ends_and_nothing_is_reported(string what)
    {
        LiveScene scene = await LiveScene.StartAsync(new PageBytes(16 * Pages));
        await using (scene)
        {
            BackgroundPush push = await scene.Uffd.PushAsync(
                scene.Region, scene.Source, new PrefetchOptions { OnOwnThread = true, WindowBytes = 0 });
            Task ended = push.WaitAsync();
            switch (what)
            {
                case "pause":
                    push.Pause();
                    push.Resume();
                    await ended.WaitAsync(LiveScene.Deadline);
                    Assert.Equal(scene.Region.Pages, push.ReceivedPages);
                    break;
                case "unregister":
                    // Refused while pages are absent, and done when none is.
                    while (!ended.IsCompleted)
                    {
                        try
                        {
                            await scene.Uffd.UnregisterAsync(scene.Region);
                            break;
                        }
                        catch (InvalidOperationException)
                        {
                            // Pages are absent.
                        }
                    }

                    await ended.WaitAsync(LiveScene.Deadline);
                    break;
                case "unmap":
                    await scene.Vm.UnmapAsync(scene.Region);
                    _ = await Record.ExceptionAsync(() => ended.WaitAsync(LiveScene.Deadline));
                    Assert.True(ended.IsCompleted);
                    break;
                case "abandon":
                    await scene.Uffd.AbandonAsync(AbsentPages.ReadAsZeros);
                    _ = await Record.ExceptionAsync(() => ended.WaitAsync(LiveScene.Deadline));
                    Assert.True(ended.IsCompleted);
                    break;
                default:
                    await scene.Vm.DisposeAsync();
                    _ = await Record.ExceptionAsync(() => ended.WaitAsync(LiveScene.Deadline));
                    Assert.True(ended.IsCompleted);
                    break;
            }

            Assert.False(
                scene.Vm.Incidents.TryRead(out Incident? incident) && incident.Kind != IncidentKind.DescriptorLeftOpen, incident?.Message);
        }
    }

    private static (MonitorThread Thread, IPageFill Fill) NewFill(LiveScene scene)
    {
        MonitorThread? thread = scene.Uffd.Kernel.NewPushThread();
        Assert.NotNull(thread);
        return (thread, thread.NewFill(null));
    }

    private static ulong AliasOf(LiveScene scene) =>
        PageSize.AddressOf(Assert.Single(scene.Uffd.Reader!.View.Regions, r => r.Alias is not null).Alias!.FirstPage);

    private sealed class ThreadNames : IPrefetchOrder
    {
        private readonly IPrefetchOrder _linear = IPrefetchOrder.Linear();

        public ConcurrentDictionary<string, bool> Seen { get; } = new();

        public string Name => "names";

        public long Next(IWantedPages wanted, long demanded, ref int most)
        {
            Seen[Thread.CurrentThread.Name ?? ""] = true;
            return _linear.Next(wanted, demanded, ref most);
        }
    }
}
