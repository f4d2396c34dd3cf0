using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>UFFDIO_MOVE: page by page to its own place, or refused as a whole (SEMANTICS 5.8).</summary>
public class MoveTests
{
    private const long From = 16;
    private const long Pages = 4;
    private const ulong Length = (ulong)Pages * Scene.Page;

    [Fact]
    public void Each_page_goes_to_its_own_place_leaves_a_hole_and_is_open_to_writers()
    {
        using Scene scene = new();
        UserfaultContext context = Filled(scene);
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect, From, Pages));

        Move move = Run(scene, context, Length);

        Assert.Equal((Errno.None, (long)Length), (move.Error, move.Out));
        for (long page = 0; page < Pages; page++)
        {
            Assert.Equal(EntryKind.None, scene.EntryAt(From + page).Kind);
            Assert.Equal((EntryKind.Anon, false), (scene.EntryAt(page).Kind, scene.EntryAt(page).IsWp));
            Assert.Equal((ulong)(page + 1), scene.Touch(scene.Main, page).Value);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_hole_of_the_source_ends_it_there_or_counts_as_moved(long hole)
    {
        foreach (bool allowed in (bool[])[false, true])
        {
            using Scene scene = new();
            UserfaultContext context = Filled(scene, hole);
            Move move = Run(scene, context, Length, allowed ? MoveModes.AllowSourceHoles : MoveModes.None);

            long moved = allowed ? Pages : hole;
            (Errno Error, long? Out) expected = allowed
                ? (Errno.None, (long)Length)
                : hole == 0 ? (Errno.ENOENT, -(long)Errno.ENOENT) : (Errno.EAGAIN, hole * (long)Scene.Page);
            Assert.Equal(expected, (move.Error, move.Out));
            for (long page = 0; page < Pages; page++)
                Assert.Equal(page < moved && page != hole ? EntryKind.Anon : EntryKind.None, scene.EntryAt(page).Kind);
        }
    }

    [Fact]
    public void A_page_that_is_there_already_ends_it()
    {
        using Scene scene = new();
        UserfaultContext context = Filled(scene);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.ZeroPage, 2).Error);
        Assert.Equal((Errno.EAGAIN, 2 * (long)Scene.Page), Result(Run(scene, context, Length)));
        Assert.Equal(EntryKind.Anon, scene.EntryAt(From + 2).Kind);
    }

    [Fact]
    public void What_is_wrong_with_the_arguments_is_EINVAL_and_moves_nothing()
    {
        using Scene scene = new();
        UserfaultContext context = Filled(scene);
        Assert.Equal(Errno.EINVAL, Run(scene, context, 0).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, modes: (MoveModes)4).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, source: Scene.At(From) + 1).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, destination: Scene.At(0) + 1).Error);
        // Beyond the end of either mapping.
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, source: Scene.At(From + 5)).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, destination: Scene.At(5)).Error);
        // Where nothing is mapped.
        Assert.Equal((Errno.ENOENT, -(long)Errno.ENOENT), Result(Run(scene, context, Length, source: Scene.At(100))));
        Assert.Equal((Errno.ENOENT, -(long)Errno.ENOENT), Result(Run(scene, context, Length, destination: Scene.At(100))));
        Assert.All(Enumerable.Range(0, (int)Pages), page => Assert.Equal(EntryKind.None, scene.EntryAt(page).Kind));
    }

    [Fact]
    public void The_structure_decides_what_can_be_reported()
    {
        using Scene scene = new();
        UserfaultContext context = Filled(scene);
        Assert.Equal((Errno.EFAULT, (long?)null), Result(Run(scene, context, Length, pointer: ArgumentPointer.Null)));
        context.BeginChange();
        Assert.Equal((Errno.EAGAIN, -(long)Errno.EAGAIN), Result(Run(scene, context, Length)));
        Assert.Equal((Errno.EFAULT, (long?)null), Result(Run(scene, context, Length, pointer: ArgumentPointer.ReadOnly)));
        context.EndChange();
        // The pages have moved; that they have cannot be said.
        Assert.Equal((Errno.EFAULT, (long?)null), Result(Run(scene, context, Length, pointer: ArgumentPointer.ReadOnly)));
        Assert.Equal(EntryKind.Anon, scene.EntryAt(0).Kind);
    }

    [Fact]
    public void Mappings_of_another_protection_or_kind_or_context_are_refused()
    {
        using Scene scene = new();
        UserfaultContext context = Filled(scene);
        scene.Map(Pages, address: Scene.At(32), prot: Prot.Read);
        scene.Map(Pages, scene.NewFile(new Shmem(), Pages), address: Scene.At(48));
        UserfaultContext other = scene.Open();
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, source: Scene.At(32)).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, context, Length, source: Scene.At(48)).Error);
        Assert.Equal(Errno.EINVAL, Run(scene, other, Length).Error);
    }

    /// <summary>Pages 0 to 7 are registered; what is to be moved lies at <see cref="From"/>, and each page says its number.</summary>
    private static UserfaultContext Filled(Scene scene, long hole = -1)
    {
        scene.Map(8);
        scene.Map(8, address: Scene.At(From));
        UserfaultContext context = scene.Open();
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.Missing, 0, 8).Error);
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.WriteProtect, From, 8).Error);
        for (long page = 0; page < Pages; page++)
        {
            if (page != hole)
                Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Main, From + page, AccessKind.Write, (byte)(page + 1)).Outcome);
        }

        return context;
    }

    private static Move Run(
        Scene scene,
        UserfaultContext context,
        ulong length,
        MoveModes modes = MoveModes.None,
        ulong? destination = null,
        ulong? source = null,
        ArgumentPointer pointer = ArgumentPointer.Good) =>
        scene.Kernel.Run(
            new Move(scene.Main, context, destination ?? Scene.At(0), source ?? Scene.At(From), length, (ulong)modes, pointer));

    private static (Errno Error, long? Out) Result(Move move) => (move.Error, move.Out);
}
