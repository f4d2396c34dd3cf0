using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>
/// Who is woken by a call over several pages, of which it may have done only a part: the waiters of everything that was done, and nobody
/// else.
/// </summary>
public class PartialWakeTests
{
    private const long Source = 64;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_move_that_stops_half_way_wakes_exactly_what_it_has_moved(int moved)
    {
        using Scene scene = new();
        (UserfaultContext context, Access[] waiting) = WithWaiters(scene, moved);

        Move move = scene.Kernel.Run(new Move(scene.Main, context, Scene.At(0), Scene.At(Source), 4 * Scene.Page, 0));

        Assert.Equal((Errno.EAGAIN, moved * (long)Scene.Page), (move.Error, move.Out));
        Assert.Equal(Enumerable.Range(0, 4).Select(i => i < moved), waiting.Select(w => w.IsFinished));
    }

    [Fact]
    public void A_move_in_full_wakes_every_waiter_and_with_DONTWAKE_nobody()
    {
        foreach (MoveModes modes in new[] { MoveModes.None, MoveModes.DontWake })
        {
            using Scene scene = new();
            (UserfaultContext context, Access[] waiting) = WithWaiters(scene, present: 4);

            Assert.Equal(
                4 * (long)Scene.Page,
                scene.Kernel.Run(new Move(scene.Main, context, Scene.At(0), Scene.At(Source), 4 * Scene.Page, (ulong)modes)).Out);

            Assert.All(waiting, w => Assert.Equal(modes == MoveModes.None, w.IsFinished));
        }
    }

    [Fact]
    public void A_move_that_moves_nothing_wakes_nobody()
    {
        using Scene scene = new();
        (UserfaultContext context, Access[] waiting) = WithWaiters(scene, present: 0);

        Assert.Equal(Errno.ENOENT, scene.Kernel.Run(new Move(scene.Main, context, Scene.At(0), Scene.At(Source), 4 * Scene.Page, 0)).Error);

        Assert.All(waiting, w => Assert.False(w.IsFinished));
    }

    [Theory]
    [InlineData(FillKind.Copy)]
    [InlineData(FillKind.ZeroPage)]
    [InlineData(FillKind.Continue)]
    [InlineData(FillKind.Poison)]
    internal void A_fill_that_stops_half_way_wakes_exactly_what_it_has_filled(FillKind kind)
    {
        using Scene scene = new();
        bool minor = kind == FillKind.Continue;
        MemoryFile? file = minor ? scene.NewFile(new Shmem(), 4) : null;
        scene.Map(4, file);
        if (minor) scene.Map(4, file, address: Scene.At(Source));
        for (int i = 0; minor && i < 4; i++) _ = scene.Touch(scene.Main, Source + i, AccessKind.Write);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, minor ? RegisterModes.Minor : RegisterModes.Missing);
        // In the way, behind two pages; the last thread sleeps beyond it.
        _ = scene.Fill(context, kind, page: 2);
        Access[] waiting = [.. new[] { 0, 1, 3 }.Select(i => scene.Touch(scene.Thread(i + 1), i))];
        Assert.All(waiting, w => Assert.False(w.IsFinished));

        Fill fill = scene.Fill(context, kind, pages: 4);

        Assert.Equal((Errno.EAGAIN, 2 * (long)Scene.Page), (fill.Error, fill.Out));
        Assert.Equal([true, true, false], waiting.Select(w => w.IsFinished));
    }

    [Fact]
    public void Clearing_protection_wakes_the_writers_of_every_page_of_its_range_and_of_no_other()
    {
        using Scene scene = new();
        (UserfaultContext context, Access[] writing) = WithWriters(scene);

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Clear, page: 1, pages: 2));

        Assert.Equal([false, true, true, false], writing.Select(w => w.IsFinished));
    }

    [Fact]
    public void Clearing_protection_over_two_mappings_wakes_the_writers_of_both()
    {
        using Scene scene = new();
        (UserfaultContext context, Access[] writing) = WithWriters(scene, mappings: 2);

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Clear, pages: 4));

        Assert.All(writing, w => Assert.True(w.IsFinished));
    }

    [Fact]
    public void Waking_a_range_wakes_every_page_of_it_and_no_other()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access[] waiting = [.. Enumerable.Range(0, 4).Select(i => scene.Touch(scene.Thread(i + 1), i))];
        _ = scene.Fill(context, FillKind.Copy, pages: 4, modes: FillModes.DontWake);

        Assert.Equal(Errno.None, scene.Wake(context, page: 1, pages: 2));

        Assert.Equal([false, true, true, false], waiting.Select(w => w.IsFinished));
    }

    // Pages to move lie beside the range, of which the last ones are missing.
    private static (UserfaultContext Context, Access[] Waiting) WithWaiters(Scene scene, int present)
    {
        scene.Map(4);
        scene.Map(4, address: Scene.At(Source));
        for (int i = 0; i < present; i++) _ = scene.Touch(scene.Main, Source + i, AccessKind.Write);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access[] waiting = [.. Enumerable.Range(0, 4).Select(i => scene.Touch(scene.Thread(i + 1), i))];
        Assert.All(waiting, w => Assert.False(w.IsFinished));
        return (context, waiting);
    }

    private static (UserfaultContext Context, Access[] Writing) WithWriters(Scene scene, int mappings = 1)
    {
        scene.Map(4);
        // Content comes before the registration.
        for (int i = 0; i < 4; i++) _ = scene.Touch(scene.Main, i, AccessKind.Write);
        UserfaultContext context = scene.Open();
        // What differs in its mode is a mapping of its own.
        _ = scene.Register(context, RegisterModes.WriteProtect | (mappings == 1 ? RegisterModes.None : RegisterModes.Missing), pages: 2);
        _ = scene.Register(context, RegisterModes.WriteProtect, first: 2, pages: 2);
        Assert.Equal(mappings, scene.Mm.Map.In(PageRange.OfBytes(Scene.Base, 4 * Scene.Page)).ToArray().Length);
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect, pages: 4));
        Access[] writing = [.. Enumerable.Range(0, 4).Select(i => scene.Touch(scene.Thread(i + 1), i, AccessKind.Write))];
        Assert.All(writing, w => Assert.False(w.IsFinished));
        return (context, writing);
    }
}
