using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>Sentences about queues, reading, waking and events (SEMANTICS 6).</summary>
public class DeliveryTests
{
    [Fact]
    public void Threads_on_one_page_give_one_message_each_and_one_copy_wakes_all()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access[] accesses =
            [scene.Touch(scene.Thread(1), 0), scene.Touch(scene.Thread(2), 0, AccessKind.Write), scene.Touch(scene.Thread(3), 0)];

        Assert.Equal([FaultFlags.None, FaultFlags.Write, FaultFlags.None], scene.Read(context).Messages.Select(m => m.Flags));
        _ = scene.Fill(context, FillKind.Copy);

        Assert.All(accesses, a => Assert.Equal(AccessOutcome.Ok, a.Outcome));
    }

    [Fact]
    public void A_message_is_read_once_and_its_thread_still_counts()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Touch(scene.Thread(1), 0);

        Assert.Single(scene.Read(context).Messages);
        Assert.Equal(Errno.EAGAIN, scene.Read(context).Error);
        Assert.Equal((0, 1), (context.Pending, context.Total));
    }

    [Fact]
    public void Waking_without_filling_makes_a_new_message()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Touch(scene.Thread(1), 0);
        _ = scene.Read(context);

        _ = scene.Wake(context, 0);

        Assert.Equal((1, 1), (context.Pending, context.Total));
    }

    [Fact]
    public void Faults_come_before_events_however_old_the_event_is()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove);
        _ = scene.Register(context, RegisterModes.Missing);
        AdviseMemory advise = scene.Kernel.Run(new AdviseMemory(scene.Thread(9), Scene.At(1), Scene.Page, Advice.DontNeed));
        Assert.True(advise.IsWaitingForReader);
        _ = scene.Touch(scene.Thread(1), 0);

        Assert.Equal([UffdEvent.Pagefault, UffdEvent.Remove], scene.Read(context).Messages.Select(m => m.Event));
        Assert.True(advise.IsFinished);
    }

    [Fact]
    public void No_fill_succeeds_while_an_event_is_unread()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove);
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Kernel.Run(new AdviseMemory(scene.Thread(9), Scene.At(1), Scene.Page, Advice.DontNeed));

        Fill before = scene.Fill(context, FillKind.Copy);
        _ = scene.Read(context);
        Fill after = scene.Fill(context, FillKind.Copy);

        Assert.Equal((Errno.EAGAIN, -(long)Errno.EAGAIN), (before.Error, before.Out));
        Assert.Equal(Errno.None, after.Error);
    }

    [Fact]
    public void Unregister_wakes_the_threads_of_a_missing_range_into_zeros()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);

        _ = scene.Kernel.Run(new Unregister(scene.Main, context, Scene.At(0), 4 * Scene.Page));

        Assert.Equal((AccessOutcome.Ok, 0ul), (access.Outcome, access.Value));
    }

    [Fact]
    public void Unregister_of_a_protected_range_wakes_nobody()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Touch(scene.Thread(1), 0, AccessKind.Write);
        _ = scene.Register(context, RegisterModes.WriteProtect);
        _ = scene.Protect(context, WriteProtectModes.Protect);
        Access access = scene.Touch(scene.Thread(2), 0, AccessKind.Write);
        Assert.Equal(FaultFlags.Wp | FaultFlags.Write, access.Flags);

        _ = scene.Kernel.Run(new Unregister(scene.Main, context, Scene.At(0), 4 * Scene.Page));

        Assert.False(access.IsFinished);
        _ = scene.Wake(context, 0);
        Assert.Equal(AccessOutcome.Ok, access.Outcome);
    }

    [Fact]
    public void Closing_lets_everybody_go_and_nobody_gets_a_signal()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access[] accesses = [scene.Touch(scene.Thread(1), 0), scene.Touch(scene.Thread(2), 1, AccessKind.Write)];

        _ = scene.Kernel.Run(new CloseHandle(scene.Main, context));

        Assert.All(accesses, a => Assert.Equal(AccessOutcome.Ok, a.Outcome));
        Assert.Equal(RegisterModes.None, scene.Mm.Map.Find(PageSize.PageOf(Scene.Base))!.Modes);
    }

    [Fact]
    public void After_munmap_a_sleeper_stays_until_it_is_woken_and_then_gets_SIGSEGV()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);

        _ = scene.Kernel.Run(new UnmapMemory(scene.Main, Scene.Base, Scene.Page));
        Assert.False(access.IsFinished);
        _ = scene.Wake(context, 0);

        Assert.Equal((AccessOutcome.SigSegv, 1), (access.Outcome, access.SignalCode));
    }

    [Fact]
    public void Waking_many_threads_by_a_range_finds_all_of_them_in_a_grown_table()
    {
        using Scene scene = new();
        scene.Map(200);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 200);
        List<Access> accesses = [.. Enumerable.Range(1, 150).Select(i => scene.Touch(scene.Thread(i), i))];
        Assert.Equal(150, context.Total);

        _ = scene.Fill(context, FillKind.ZeroPage, page: 1, pages: 75);
        Assert.Equal(75, accesses.Count(a => a.IsFinished));
        _ = scene.Fill(context, FillKind.ZeroPage, page: 76, pages: 100);

        Assert.All(accesses, a => Assert.Equal(AccessOutcome.Ok, a.Outcome));
        Assert.Equal((0, 0), (context.Pending, context.Total));
    }

    [Fact]
    public void A_lost_wake_up_is_possible_on_the_real_kernel_and_impossible_in_strict_mode()
    {
        // Poison is installed, and the page woken, between the thread's look at the entry and its arrival in the queue (9.2).
        foreach (bool strict in new[] { true, false })
        {
            using Scene scene = new(KernelProfile.Linux618 with { StrictWakes = strict });
            scene.Map(4);
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, RegisterModes.Missing);
            Access access = new(scene.Thread(1));
            access.Begin(Scene.At(0), AccessKind.Read);
            access.Step(); // has decided to fault, is on its way to the context

            Fill poison = new(scene.Main);
            poison.Begin(context, FillKind.Poison, Scene.At(0), Scene.Page);
            poison.Step();
            scene.Kernel.Run();

            Assert.Equal(Errno.None, poison.Error);
            Assert.Equal(strict, access.IsFinished);
            if (!strict) _ = scene.Wake(context, 0);
            Assert.Equal(AccessOutcome.SigBus, access.Outcome);
        }
    }
}
