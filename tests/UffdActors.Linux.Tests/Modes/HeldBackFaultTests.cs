using System.Collections.Concurrent;
using UffdActors.Linux.Live;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>As many faults are worked on at a time as may be; others wait in the kernel, and none is lost.</summary>
public sealed class HeldBackFaultTests
{
    private const int Pages = 64;
    private const int Threads = 12;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Faults_beyond_the_limit_wait_in_the_kernel_and_are_all_served(string world)
    {
        const int Limit = 3;
        using ScriptedSource source = new(Pages);
        ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> held = Hold(source);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        _ = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, MaxOutstanding = Limit });
        VcpuGroup vcpus = await vm.Vm.StartVcpusAsync([.. Enumerable.Range(0, Threads).Select(i => Steps.Reads(i, i + Threads))]);
        await LiveScene.UntilAsync(() => held.Count == Limit);
        if (vm.IsLive)
        {
            await LiveScene.UntilAsync(
                () => ((LiveDescriptor)vm.Uffd.Kernel.Descriptor).Uffd.ReadFdInfo().Pending == Threads - Limit);
        }

        Assert.Equal((Limit, Limit), (vm.Uffd.Outstanding, held.Count));
        int most = 0;
        source.Script = (_, _) =>
        {
            most = Math.Max(most, vm.Uffd.Outstanding);
            return false;
        };
        Answer(source, held);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(2 * Threads, vcpus.Accesses);
        Assert.InRange(most, 1, Limit);
        Assert.Equal(0, vm.Uffd.Outstanding);
    }

    // The kernel refuses every fill as long as the event is unread, and hands out the faults that are held back before it.
    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_event_behind_faults_that_are_held_back_is_read_when_a_fill_waits_for_it(string world)
    {
        using ScriptedSource source = new(Pages);
        ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> held = Hold(source);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, MaxOutstanding = 1 });
        VcpuGroup vcpus = await vm.Vm.StartVcpusAsync([.. Enumerable.Range(0, Threads).Select(i => Steps.Reads(i))]);
        await LiveScene.UntilAsync(() => held.Count == 1);
        Task removed = vm.Vm.AdviseAsync(region, Pages - 1, 1, Advice.DontNeed);
        if (vm.IsLive) Assert.False(removed.IsCompleted);
        source.ComeBack();
        Answer(source, held);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        await removed.WaitAsync(LiveScene.Deadline);
        Assert.Equal(Threads, vcpus.Accesses);
    }

    private static ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> Hold(ScriptedSource source)
    {
        ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> held = new();
        source.Script = (order, receiver) =>
        {
            held.Enqueue((order, receiver));
            return true;
        };
        return held;
    }

    private static void Answer(ScriptedSource source, ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> held)
    {
        while (held.TryDequeue(out (PageOrder Order, IPageReceiver Receiver) next)) source.Request(next.Order, next.Receiver);
    }
}
