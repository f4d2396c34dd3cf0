using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Tests.Rules;

/// <summary>
/// RING R1 to R8, each in the smallest scene that needs it, over many orders of messages. R9 needs handlers
/// and is in the ring's own tests.
/// </summary>
public sealed class RuleTests : IDisposable
{
    private const int Seeds = 300;

    private readonly SteppedSystem _system = new();

    public void Dispose() => _system.Dispose();

    [Fact]
    public void R1_a_page_that_is_filled_while_its_fault_is_under_way_is_not_waited_for()
    {
        // Nobody reads: only the second look in the context's turn can notice.
        foreach (FillKind kind in new[] { FillKind.Copy, FillKind.ZeroPage, FillKind.Poison })
        {
            Over(seed =>
            {
                using RuleScene scene = Missing(seed, out UserfaultContext context);
                Access read = RuleScene.Access(scene.Thread(), 0);
                Access write = RuleScene.Access(scene.Thread(), 0, AccessKind.Write);
                scene.RunTogether([read, write, RuleScene.Fill(scene.Main, context, kind, 0)]);

                Assert.True(read.IsFinished && write.IsFinished, $"{kind}: a thread sleeps on a page that has been resolved");
                scene.AssertAccounted();
            });
        }
    }

    [Fact]
    public void R1_the_kernels_own_second_look_loses_a_wake_up_in_some_order()
    {
        int lost = 0;
        Over(seed =>
        {
            using RuleScene scene = new(_system, seed, KernelProfile.Linux618 with { StrictWakes = false });
            scene.Map(0, 4);
            UserfaultContext context = scene.Open();
            _ = scene.Do(scene.Register(context, RegisterModes.Missing, 0, 4));
            Access read = RuleScene.Access(scene.Thread(), 0);
            scene.RunTogether([read, RuleScene.Fill(scene.Main, context, FillKind.Poison, 0)]);
            if (!read.IsFinished) lost++;
        });
        Assert.InRange(lost, 1, Seeds - 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void R1_a_page_that_went_to_swap_before_the_fault_was_queued_is_there(bool strict) => Over(seed =>
    {
        using RuleScene scene = new(_system, seed, KernelProfile.Linux618 with { StrictWakes = strict, Swap = true });
        scene.Map(0, 1);
        UserfaultContext context = scene.Open();
        _ = scene.Do(scene.Register(context, RegisterModes.Missing, 0, 1));
        Access read = RuleScene.Access(scene.Thread(), 0);
        AdviseMemory advise = new(scene.Main, RuleScene.Base, RuleScene.Page, Advice.PageOut);
        scene.RunTogether([RuleScene.Fill(scene.Main, context, FillKind.Copy, 0), read, advise]);

        Assert.Equal((AccessOutcome.Ok, 7ul), (read.Outcome, read.Value));
        scene.AssertAccounted();
    });

    [Fact]
    public void R1_unregister_publishes_first_and_wakes_afterwards() => Over(seed =>
    {
        using RuleScene scene = Missing(seed, out UserfaultContext context);
        Access read = RuleScene.Access(scene.Thread(), 0);
        Access write = RuleScene.Access(scene.Thread(), 1, AccessKind.Write);
        scene.RunTogether([read, write, new Unregister(scene.Main, context, RuleScene.Base, 4 * RuleScene.Page)]);

        Assert.Equal((AccessOutcome.Ok, 0ul), (read.Outcome, read.Value));
        Assert.Equal(AccessOutcome.Ok, write.Outcome);
        Assert.Equal(0, context.Total);
        scene.AssertAccounted();
    });

    [Fact]
    public void R2_a_fill_under_a_changing_map_is_answered_as_if_it_came_now() => Over(seed =>
    {
        using RuleScene scene = Missing(seed, out UserfaultContext context);
        Caller handler = scene.Thread();
        Fill whole = RuleScene.Fill(handler, context, FillKind.Copy, 0, pages: 4);
        Fill rear = RuleScene.Fill(scene.Thread(), context, FillKind.ZeroPage, 3);
        Register split = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, 2, 2);
        scene.RunTogether([whole, rear, split]);

        // Registering splits; the part that a fill is for is never unmapped, so one page inside one VMA cannot give ENOENT.
        Assert.Equal(Errno.None, split.Error);
        Assert.True(rear.Error is Errno.None or Errno.EEXIST, $"ZEROPAGE of one page: {rear.Error}");
        Assert.True(whole.Error is Errno.None or Errno.EAGAIN or Errno.EEXIST or Errno.ENOENT, $"COPY of four: {whole.Error}");
        if (whole.Error == Errno.ENOENT) Assert.Equal(EntryKind.None, scene.EntryAt(0).Kind);
        scene.AssertAccounted();
    });

    [Fact]
    public void R2_nothing_is_filled_where_the_mapping_has_gone() => Over(seed =>
    {
        using RuleScene scene = Missing(seed, out UserfaultContext context);
        Fill fill = RuleScene.Fill(scene.Thread(), context, FillKind.Copy, 0, pages: 4);
        scene.RunTogether([fill, new UnmapMemory(scene.Main, RuleScene.At(1), 2 * RuleScene.Page)]);

        Assert.True(fill.Error is Errno.None or Errno.ENOENT or Errno.EAGAIN, fill.Error.ToString());
        Assert.Equal(Entry.None, scene.EntryAt(1));
        scene.AssertAccounted();
    });

    [Fact]
    public void R3_a_change_over_several_VMAs_is_one_step_for_everybody() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        scene.Map(2, 2, scene.NewFile(8));
        UserfaultContext context = scene.Open();
        Register register = scene.Register(context, RegisterModes.Missing, 0, 4);
        scene.RunTogether(
            [register, RuleScene.Access(scene.Thread(), 0, AccessKind.Write), RuleScene.Access(scene.Thread(), 3, AccessKind.Write)],
            () => Assert.Equal(IsRegistered(scene, 0), IsRegistered(scene, 3)));

        Assert.Equal(Errno.None, register.Error);
        scene.AssertAccounted();
    });

    [Fact]
    public void R3_fork_copies_a_state_that_nobody_changes_meanwhile() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        scene.Map(4, 2);
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write));
        _ = scene.Do(RuleScene.Access(scene.Main, 4, AccessKind.Write));
        ForkProcess fork = new(scene.Main, 1);
        scene.RunTogether(
        [
            fork,
            RuleScene.Access(scene.Thread(), 1, AccessKind.Write),
            RuleScene.Access(scene.Thread(), 5, AccessKind.Write),
            RuleScene.Access(scene.Thread(), 0, AccessKind.Write),
        ]);

        scene.Adopt(fork.Child!);
        scene.AssertAccounted();
    });

    [Fact]
    public void R4_no_fill_succeeds_while_an_event_is_unread() => Over(seed =>
    {
        // Filling a module's memory takes one hop more, and so can be overtaken by the fence.
        using RuleScene scene = Missing(seed, out UserfaultContext context, UffdFeatures.EventRemove, file: seed % 2 == 0);
        AdviseMemory advise = new(scene.Thread(), RuleScene.At(0), 2 * RuleScene.Page, Advice.DontNeed);
        List<Operation> operations = [advise];
        for (int page = 0; page < 4; page++) operations.Add(RuleScene.Fill(scene.Thread(), context, FillKind.Copy, page));

        int before = 0;
        bool unread = false;
        scene.RunTogether(operations, () =>
        {
            int present = Enumerable.Range(0, 4).Count(p => scene.EntryAt(p).IsPresent);
            if (unread) Assert.True(present <= before, "a page was filled while an event was unread");
            before = present;
            unread = context.UnreadEvents > 0;
        });
        Assert.Equal([UffdEvent.Remove], scene.Read(context).Select(m => m.Event));
        scene.Kernel.Run();

        Assert.True(advise.IsFinished);
        Assert.Equal([EntryKind.None, EntryKind.None], [scene.EntryAt(0).Kind, scene.EntryAt(1).Kind]);
        scene.AssertAccounted();
    });

    [Fact]
    public void R5_what_a_hole_takes_is_not_used_again_while_a_thread_can_see_it() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        MemoryFile file = scene.NewFile(8);
        scene.Map(0, 4, file);
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 5));
        Access reader = RuleScene.Access(scene.Thread(), 0);
        scene.RunTogether(
        [
            reader,
            new PunchHole(scene.Main, file, 0, PageSize.Base),
            RuleScene.Access(scene.Thread(), 2, AccessKind.Write, value: 99),
            RuleScene.Access(scene.Thread(), 3, AccessKind.Write, value: 98),
        ]);

        Assert.True(reader.Value is 5 or 0, $"read {reader.Value}, which is another page's");
        scene.AssertAccounted();
    });

    [Fact]
    public void R5_cache_and_entries_agree_when_a_hole_is_punched_under_fills() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        MemoryFile file = scene.NewFile(8);
        scene.Map(0, 4, file);
        scene.Map(8, 4, scene.NewFile(8));
        UserfaultContext context = scene.Open();
        _ = scene.Do(scene.Register(context, RegisterModes.Missing | RegisterModes.Minor, 0, 4));
        _ = scene.Do(new WriteFile(scene.Main, file, 0, 5));
        scene.RunTogether(
        [
            RuleScene.Fill(scene.Thread(), context, FillKind.Continue, 0),
            RuleScene.Fill(scene.Thread(), context, FillKind.Copy, 1, pages: 3),
            new PunchHole(scene.Main, file, 0, 3 * PageSize.Base),
            RuleScene.Access(scene.Thread(), 0),
            RuleScene.Access(scene.Thread(), 1, AccessKind.Write),
        ]);
        scene.AssertAccounted();
    });

    [Fact]
    public void R6_a_moved_page_is_in_one_place_at_a_time() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        scene.Map(8, 2);
        UserfaultContext context = scene.Open();
        _ = scene.Do(scene.Register(context, RegisterModes.Missing, 8, 2));
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 5));
        Move move = new(scene.Main, context, RuleScene.At(8), RuleScene.At(0), RuleScene.Page, 0);
        Access source = RuleScene.Access(scene.Thread(), 0);
        Access target = RuleScene.Access(scene.Thread(), 8);
        scene.RunTogether(
            [move, source, target, RuleScene.Fill(scene.Thread(), context, FillKind.Copy, 8, value: 6)],
            () => Assert.False(scene.EntryAt(0).Kind == EntryKind.Anon && scene.EntryAt(8) == scene.EntryAt(0), "a page is in two places"));

        Assert.True(move.Error is Errno.None or Errno.EEXIST, move.Error.ToString());
        Assert.True(source.Value is 5 or 0, $"the source read {source.Value}");
        Assert.Equal(move.Error == Errno.None ? 5 : 6, scene.ByteAt(8));
        if (target.IsFinished) Assert.True(target.Value is 5 or 6, $"the target read {target.Value}");
        scene.AssertAccounted();
    });

    [Fact]
    public void R7_copy_that_slept_on_its_source_validates_everything_again() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        Fill copy = CopyAsleepOnItsSource(scene, out UserfaultContext destination, out UserfaultContext source);

        // While it sleeps, its destination is filled by somebody else, or unmapped, in any order with the source's arrival.
        bool unmap = seed % 2 == 0;
        Operation meanwhile = unmap
            ? new UnmapMemory(scene.Main, RuleScene.At(0), RuleScene.Page)
            : RuleScene.Fill(scene.Main, destination, FillKind.Copy, 0, value: 3);
        scene.RunTogether([meanwhile, RuleScene.Fill(scene.Thread(), source, FillKind.Copy, 8, value: 4)]);

        Assert.True(copy.IsFinished);
        if (unmap) Assert.True(copy.Error is Errno.None or Errno.ENOENT, copy.Error.ToString());
        else Assert.Equal((copy.Error == Errno.None ? 4 : 3, true), (scene.ByteAt(0), copy.Error is Errno.None or Errno.EEXIST));
        scene.AssertAccounted();
    });

    [Fact]
    public void R7_only_an_event_that_is_still_unread_stops_a_copy_that_slept() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        Fill copy = CopyAsleepOnItsSource(scene, out UserfaultContext destination, out UserfaultContext source, UffdFeatures.EventRemove);
        AdviseMemory advise = new(scene.Thread(), RuleScene.At(1), RuleScene.Page, Advice.DontNeed);
        scene.RunTogether([advise]);
        bool read = seed % 2 == 0;
        if (read) _ = scene.Read(destination);

        _ = scene.Do(RuleScene.Fill(scene.Thread(), source, FillKind.Copy, 8, value: 4));

        Assert.Equal(read ? Errno.None : Errno.EAGAIN, copy.Error);
        Assert.Equal(read ? 4 : 0, scene.ByteAt(0));
    });

    [Fact]
    public void R8_what_is_write_protected_does_not_change_any_more() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        UserfaultContext context = scene.Open();
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 1));
        _ = scene.Do(scene.Register(context, RegisterModes.WriteProtect, 0, 2));
        WriteProtect protect = new(scene.Main, context, RuleScene.Base, RuleScene.Page, (ulong)WriteProtectModes.Protect);
        byte? frozen = null;
        scene.RunTogether(
            [protect, RuleScene.Access(scene.Thread(), 0, AccessKind.Write, value: 2),
                RuleScene.Access(scene.Thread(), 0, AccessKind.Write, value: 3)],
            () =>
            {
                if (protect.IsFinished) frozen ??= scene.ByteAt(0);
            });

        Assert.Equal(frozen, scene.ByteAt(0));
        scene.AssertAccounted();
    });

    [Fact]
    public void R8_what_is_written_while_the_page_goes_to_swap_is_kept() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed, KernelProfile.Linux618 with { Swap = true });
        scene.Map(0, 2);
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 1));
        AdviseMemory advise = new(scene.Main, RuleScene.Base, RuleScene.Page, Advice.PageOut);
        Access writer = RuleScene.Access(scene.Thread(), 0, AccessKind.Write, value: 2);
        scene.RunTogether([advise, writer]);

        Assert.Equal((Errno.None, AccessOutcome.Ok), (advise.Error, writer.Outcome));
        Assert.Equal(2ul, scene.Do(RuleScene.Access(scene.Main, 0)).Value);
        scene.AssertAccounted();
    });

    [Fact]
    public void R8_nobody_touches_a_page_that_has_been_freed() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 1));
        // The folio that madvise frees is at once somebody else's page of zeros; a late write would show there.
        AdviseMemory advise = new(scene.Main, RuleScene.Base, RuleScene.Page, Advice.DontNeed);
        Access writer = RuleScene.Access(scene.Thread(), 0, AccessKind.Write, value: 2);
        Access neighbour = RuleScene.Access(scene.Thread(), 1, AccessKind.Write, value: 8);
        scene.RunTogether([advise, writer, neighbour]);

        Assert.Equal(AccessOutcome.Ok, writer.Outcome);
        Assert.Equal(8, scene.ByteAt(1));
        scene.AssertAccounted();
    });

    [Fact]
    public void R8_fork_shares_what_was_written_before_and_nothing_after() => Over(seed =>
    {
        using RuleScene scene = new(_system, seed);
        scene.Map(0, 2);
        _ = scene.Do(RuleScene.Access(scene.Main, 0, AccessKind.Write, value: 1));
        ForkProcess fork = new(scene.Main, 1);
        byte? inherited = null;
        scene.RunTogether(
            [fork, RuleScene.Access(scene.Thread(), 0, AccessKind.Write, value: 2)],
            () =>
            {
                if (fork.Child is not { } child || inherited is not null) return;
                inherited = scene.Machine.BaseFolios.ReadByte(child.EntryAt(PageSize.PageOf(RuleScene.Base)).Folio, 0);
            });

        byte now = scene.Machine.BaseFolios.ReadByte(fork.Child!.EntryAt(PageSize.PageOf(RuleScene.Base)).Folio, 0);
        Assert.Equal(inherited, now);
        Assert.Equal(2, scene.ByteAt(0));
        scene.Adopt(fork.Child);
        scene.AssertAccounted();
    });

    private RuleScene Missing(ulong seed, out UserfaultContext context, UffdFeatures features = UffdFeatures.None, bool file = false)
    {
        RuleScene scene = new(_system, seed);
        scene.Map(0, 4, file ? scene.NewFile(4) : null);
        context = scene.Open(features);
        _ = scene.Do(scene.Register(context, RegisterModes.Missing, 0, 4));
        return scene;
    }

    private static Fill CopyAsleepOnItsSource(
        RuleScene scene, out UserfaultContext destination, out UserfaultContext source, UffdFeatures features = UffdFeatures.None)
    {
        scene.Map(0, 2);
        scene.Map(8, 2);
        destination = scene.Open(features);
        source = scene.Open();
        _ = scene.Do(scene.Register(destination, RegisterModes.Missing, 0, 2));
        _ = scene.Do(scene.Register(source, RegisterModes.Missing, 8, 2));
        Fill copy = RuleScene.Fill(scene.Thread(), destination, FillKind.Copy, 0, source: FillSource.User(RuleScene.At(8)));
        scene.RunTogether([copy]);
        Assert.Equal(1, source.Total);
        return copy;
    }

    private static bool IsRegistered(RuleScene scene, long page) =>
        scene.Mm.Map.Find(PageSize.PageOf(RuleScene.At(page)))!.Modes != RegisterModes.None;

    private static void Over(Action<ulong> scene)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            try
            {
                scene(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }
        }
    }
}
