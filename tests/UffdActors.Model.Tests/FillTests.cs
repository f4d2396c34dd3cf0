using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>Sentences about COPY, ZEROPAGE, CONTINUE and POISON (SEMANTICS 5).</summary>
public class FillTests
{
    [Fact]
    public void Copy_fills_a_missing_page_and_wakes_its_thread()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);
        Assert.False(access.IsFinished);

        Fill fill = scene.Fill(context, FillKind.Copy);

        Assert.Equal((Errno.None, 4096L), (fill.Error, fill.Out));
        Assert.Equal((AccessOutcome.Ok, 7ul), (access.Outcome, access.Value));
        Assert.Equal(0, context.Total);
    }

    [Fact]
    public void Copy_onto_a_present_page_gives_EEXIST_and_wakes_nobody()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Fill(context, FillKind.Copy, modes: FillModes.DontWake);
        Access access = scene.Touch(scene.Thread(1), 1);

        Fill fill = scene.Fill(context, FillKind.Copy);

        Assert.Equal((Errno.EEXIST, -(long)Errno.EEXIST), (fill.Error, fill.Out));
        Assert.False(access.IsFinished);
    }

    [Fact]
    public void A_conflict_behind_some_pages_gives_EAGAIN_with_the_bytes_done()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Fill(context, FillKind.Copy, page: 2);

        Fill fill = scene.Fill(context, FillKind.Copy, page: 0, pages: 4);

        Assert.Equal((Errno.EAGAIN, 8192L), (fill.Error, fill.Out));
        Assert.Equal(EntryKind.None, scene.EntryAt(3).Kind);
    }

    [Fact]
    public void A_partial_fill_wakes_exactly_what_it_has_filled()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Fill(context, FillKind.Copy, page: 1);
        Access first = scene.Touch(scene.Thread(1), 0);
        Access last = scene.Touch(scene.Thread(2), 2);

        _ = scene.Fill(context, FillKind.Copy, page: 0, pages: 4);

        Assert.True(first.IsFinished);
        Assert.False(last.IsFinished);
    }

    [Fact]
    public void Filling_with_DONTWAKE_leaves_the_thread_asleep_until_WAKE()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);

        _ = scene.Fill(context, FillKind.Copy, modes: FillModes.DontWake);
        Assert.False(access.IsFinished);
        _ = scene.Wake(context, 0);
        Assert.Equal(AccessOutcome.Ok, access.Outcome);
    }

    [Fact]
    public void Another_context_may_fill_but_wakes_only_its_own_threads()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext owner = scene.Open();
        UserfaultContext other = scene.Open();
        _ = scene.Register(owner, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);

        Fill fill = scene.Fill(other, FillKind.Copy);

        Assert.Equal(Errno.None, fill.Error);
        Assert.False(access.IsFinished);
        _ = scene.Wake(owner, 0);
        Assert.True(access.IsFinished);
    }

    [Fact]
    public void Zeropage_maps_the_zero_page_and_a_write_then_makes_a_page_of_its_own()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);

        Assert.Equal(Errno.None, scene.Fill(context, FillKind.ZeroPage).Error);
        Assert.Equal(EntryKind.Zero, scene.EntryAt(0).Kind);
        Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Thread(1), 0, AccessKind.Write).Outcome);
        Assert.Equal(EntryKind.Anon, scene.EntryAt(0).Kind);
    }

    [Fact]
    public void Continue_needs_a_page_in_the_cache()
    {
        using Scene scene = new();
        MemoryFileScene(scene, out UserfaultContext context, RegisterModes.Minor);

        Fill fill = scene.Fill(context, FillKind.Continue);

        Assert.Equal((Errno.EFAULT, -(long)Errno.EFAULT), (fill.Error, fill.Out));
    }

    [Fact]
    public void Minor_without_missing_fills_a_hole_with_zeros_and_tells_nobody()
    {
        using Scene scene = new();
        MemoryFileScene(scene, out UserfaultContext context, RegisterModes.Minor);

        Access access = scene.Touch(scene.Thread(1), 0);

        Assert.Equal((AccessOutcome.Ok, 0ul), (access.Outcome, access.Value));
        Assert.Equal(0, context.Total);
    }

    [Fact]
    public void Poison_gives_SIGBUS_and_copy_takes_it_back()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);

        _ = scene.Fill(context, FillKind.Poison);
        Access poisoned = scene.Touch(scene.Thread(1), 0);
        Assert.Equal((AccessOutcome.SigBus, 2), (poisoned.Outcome, poisoned.SignalCode));
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
        Assert.Equal(7ul, scene.Touch(scene.Thread(2), 0).Value);
    }

    [Fact]
    public void The_epoch_of_a_fill_is_compared_when_it_installs()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove);
        _ = scene.Register(context, RegisterModes.Missing);
        Fill fill = new(scene.Main);
        fill.Begin(context, FillKind.ZeroPage, Scene.At(0), Scene.Page);
        fill.Step(); // decided, on its way to the VMA

        context.BeginChange();
        context.EndChange(); // an event has come and gone meanwhile
        scene.Kernel.Run();

        Assert.Equal((Errno.EAGAIN, -(long)Errno.EAGAIN), (fill.Error, fill.Out));
        Assert.Equal(EntryKind.None, scene.EntryAt(0).Kind);
    }

    [Fact]
    public void A_split_under_a_fill_is_no_ENOENT()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Fill fill = FillDecidedNow(scene, context, page: 3);

        // The last two pages get other modes, and so a VMA and an owner of their own, before the fill arrives.
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, first: 2, pages: 2).Error);

        Assert.Equal((Errno.None, 4096L), (fill.Error, fill.Out));
        Assert.Equal(EntryKind.Zero, scene.EntryAt(3).Kind);
    }

    [Fact]
    public void A_fill_whose_mapping_has_gone_gives_ENOENT()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Fill fill = FillDecidedNow(scene, context, page: 3);

        Assert.Equal(Errno.None, scene.Kernel.Run(new UnmapMemory(scene.Main, Scene.At(2), 2 * Scene.Page)).Error);

        Assert.Equal((Errno.ENOENT, -(long)Errno.ENOENT), (fill.Error, fill.Out));
    }

    [Fact]
    public void A_fill_that_finds_other_memory_in_its_place_fills_that()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Fill fill = FillDecidedNow(scene, context, page: 0);

        // Rank 0 goes first: mapped over and registered again before the fill arrives.
        MapMemory map =
            new(scene.Main, Scene.Base, 4 * Scene.Page, new MapRequest(Prot.ReadWrite, scene.NewFile(new Shmem(), 4), Shared: true));
        Register register = new(scene.Main, context, Scene.Base, 4 * Scene.Page, (ulong)RegisterModes.Missing);
        scene.Kernel.Submit(map);
        while (!map.IsFinished) _ = scene.Kernel.Step();
        _ = scene.Kernel.Run(register);

        Assert.Equal((Errno.None, 4096L), (fill.Error, fill.Out));
        Assert.Equal(EntryKind.File, scene.EntryAt(0).Kind);
    }

    [Fact]
    public void Memory_that_is_used_up_gives_ENOMEM_and_keeps_what_was_done()
    {
        using Scene scene = new(memory: 3);
        scene.Map(8);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 8);

        Fill partial = scene.Fill(context, FillKind.Copy, pages: 5);
        Fill none = scene.Fill(context, FillKind.Copy, page: 3);

        Assert.Equal((Errno.EAGAIN, 3 * 4096L), (partial.Error, partial.Out));
        Assert.Equal(Errno.ENOMEM, none.Error);
    }

    /// <summary>A ZEROPAGE that has been decided and is on its way; calls of the main thread overtake it.</summary>
    private static Fill FillDecidedNow(Scene scene, UserfaultContext context, long page)
    {
        Fill fill = new(scene.Thread(5));
        fill.Begin(context, FillKind.ZeroPage, Scene.At(page), Scene.Page);
        fill.Step();
        Assert.False(fill.IsFinished);
        return fill;
    }

    private static void MemoryFileScene(Scene scene, out UserfaultContext context, RegisterModes modes)
    {
        scene.Map(4, scene.NewFile(new Shmem(), 4));
        context = scene.Open();
        Assert.Equal(Errno.None, scene.Register(context, modes).Error);
    }
}
