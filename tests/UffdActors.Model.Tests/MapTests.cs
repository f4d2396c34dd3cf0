using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>Sentences about map changes and file calls around userfaultfd.</summary>
public class MapTests
{
    [Fact]
    public void A_second_fallocate_makes_the_page_of_the_first_data()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 2);
        _ = scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, PageSize.Base));
        Assert.False(file.SlotAt(0).IsUpToDate);

        _ = scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 2 * PageSize.Base));

        Assert.True(file.SlotAt(0).IsUpToDate);
        Assert.False(file.SlotAt(1).IsUpToDate);
    }

    [Fact]
    public void Mremap_next_to_its_own_source_takes_the_registration_from_all_that_it_merged_with()
    {
        // Pages 0 to 5 are one VMA; pages 1 and 2 move right behind it, and for a moment all eight are one.
        using Scene scene = new();
        scene.Map(6);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 6);

        RemapMemory move = scene.Kernel.Run(
            new RemapMemory(scene.Main, Scene.At(1), 2 * Scene.Page, 2 * Scene.Page, RemapModes.MayMove | RemapModes.Fixed, Scene.At(6)));

        Assert.Equal(Errno.None, move.Error);
        Assert.All(scene.Mm.Map.Vmas.ToArray(), vma => Assert.Null(vma.Context));
    }

    [Fact]
    public void Mremap_away_from_its_source_leaves_the_rest_registered()
    {
        using Scene scene = new();
        scene.Map(6);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 6);

        _ = scene.Kernel.Run(
            new RemapMemory(scene.Main, Scene.At(1), 2 * Scene.Page, 2 * Scene.Page, RemapModes.MayMove | RemapModes.Fixed, Scene.At(9)));

        Assert.Equal(
            [RegisterModes.Missing, RegisterModes.Missing, RegisterModes.None],
            scene.Mm.Map.Vmas.ToArray().Select(vma => vma.Modes));
    }

    [Fact]
    public void Mremap_rounds_lengths_of_huge_memory_up_to_its_pages()
    {
        using Scene scene = new();
        scene.Map(1, scene.NewFile(new Hugetlb(), 1));

        RemapMemory move = scene.Kernel.Run(
            new RemapMemory(
                scene.Main, Scene.Base, PageSize.Huge - PageSize.Base, PageSize.Huge, RemapModes.MayMove | RemapModes.Fixed,
                Scene.Base + (4 * PageSize.Huge)));

        Assert.Equal(Errno.None, move.Error);
        Assert.Equal(PageRange.OfBytes(Scene.Base + (4 * PageSize.Huge), PageSize.Huge), Assert.Single(scene.Mm.Map.Vmas.ToArray()).Range);
    }

    [Fact]
    public void Continue_that_stops_at_its_first_page_has_not_used_the_next()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 2);
        scene.Map(2, file);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Minor, pages: 2);
        _ = scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 2 * PageSize.Base));
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue).Error);

        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Continue, pages: 2).Error);

        Assert.False(file.SlotAt(1).IsUpToDate);
    }

    [Fact]
    public void Neighbours_of_two_contexts_share_their_private_pages_and_merge_once_both_are_closed()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext left = scene.Open();
        UserfaultContext right = scene.Open();
        _ = scene.Register(left, RegisterModes.Missing, first: 0, pages: 2);
        _ = scene.Register(right, RegisterModes.Missing, first: 2, pages: 2);
        _ = scene.Fill(left, FillKind.Copy, page: 1);
        _ = scene.Fill(right, FillKind.Copy, page: 2);

        _ = scene.Kernel.Run(new CloseHandle(scene.Main, left));
        _ = scene.Kernel.Run(new CloseHandle(scene.Main, right));

        _ = Assert.Single(scene.Mm.Map.Vmas.ToArray());
    }

    [Fact]
    public void An_old_range_that_lost_its_registration_with_the_new_one_is_unmapped_without_an_event()
    {
        using Scene scene = new();
        scene.Map(6);
        UserfaultContext context = scene.Open(UffdFeatures.EventUnmap);
        _ = scene.Register(context, RegisterModes.Missing, pages: 6);

        RemapMemory move = scene.Kernel.Run(
            new RemapMemory(scene.Main, Scene.At(1), 2 * Scene.Page, 2 * Scene.Page, RemapModes.MayMove | RemapModes.Fixed, Scene.At(6)));

        Assert.True(move.IsFinished);
        Assert.Equal(Errno.EAGAIN, scene.Read(context).Error);
    }

    [Fact]
    public void A_close_while_fork_waits_for_another_context_is_not_the_last_close_until_the_child_runs()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext forks = scene.Open(UffdFeatures.EventFork);
        UserfaultContext closed = scene.Open();
        _ = scene.Register(forks, RegisterModes.Missing, first: 0, pages: 1);
        _ = scene.Register(closed, RegisterModes.Missing, first: 2, pages: 2);
        ForkProcess fork = scene.Kernel.Run(new ForkProcess(scene.Thread(1), 1, descriptors: [forks, closed]));
        Assert.False(fork.IsFinished);

        _ = scene.Kernel.Run(new CloseHandle(scene.Main, closed));
        Assert.False(closed.IsReleased);
        _ = scene.Read(forks);

        Assert.True(fork.IsFinished);
        Assert.True(closed.IsReleased);
    }

    [Fact]
    public void A_write_that_ends_in_SIGBUS_has_made_the_anon_vma_all_the_same()
    {
        // Made while the modes differ, so neither could take the other's, and two of them never become one VMA.
        using Scene scene = new();
        scene.Map(2, scene.NewFile(new Shmem(), 2), shared: false);
        UserfaultContext context = scene.Open(UffdFeatures.Sigbus);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.Minor, first: 0, pages: 1);
        _ = scene.Register(context, RegisterModes.Missing, first: 1, pages: 1);

        Assert.Equal(AccessOutcome.SigBus, scene.Touch(scene.Thread(1), 0, AccessKind.Write).Outcome);
        Assert.Equal(AccessOutcome.SigBus, scene.Touch(scene.Thread(1), 1, AccessKind.Write).Outcome);
        _ = scene.Kernel.Run(new CloseHandle(scene.Main, context));

        Assert.Equal(2, scene.Mm.Map.Vmas.Length);
    }

    [Fact]
    public void A_vma_that_becomes_like_its_neighbours_is_joined_with_the_next_but_not_with_the_one_behind_it()
    {
        // The page in the middle was deregistered by its move, which joins it with nobody, and so stays apart from the last page.
        using Scene scene = new();
        scene.Map(1);
        scene.Map(1, address: Scene.At(2));
        scene.Map(1, address: Scene.At(9));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, first: 9, pages: 1);
        UserfaultContext other = scene.Open();
        _ = scene.Register(other, RegisterModes.Missing, first: 0, pages: 1);
        _ = scene.Kernel.Run(
            new RemapMemory(scene.Main, Scene.At(9), Scene.Page, Scene.Page, RemapModes.MayMove | RemapModes.Fixed, Scene.At(1)));
        Assert.Equal(3, scene.Mm.Map.Vmas.Length);

        _ = scene.Kernel.Run(new CloseHandle(scene.Main, other));

        Assert.Equal([2L, 1L], scene.Mm.Map.Vmas.ToArray().Select(vma => vma.Range.Count));
    }

    [Fact]
    public void An_address_space_that_ends_gives_back_what_a_guard_has_held_up()
    {
        using Scene scene = new(content: ContentKind.Bytes);
        scene.Map(1);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write);
        using (AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Main, 1)).Child!)
        {
            // Another thread is still looking at the page when it is copied for the writer.
            scene.Thread(1).Guard.Hold(PageSize.PageOf(Scene.Base));
            _ = scene.Touch(scene.Main, 0, AccessKind.Write);
            scene.Mm.Dispose();
        }

        Assert.Equal(0, scene.Machine.BaseFolios.InUse);
    }

    // Asked of 6.18, where a child's UFFDIO_MOVE onto a page that is there gives EEXIST in the first case and ENOENT in the other.
    [Theory]
    [InlineData(AccessKind.Write, true)]
    [InlineData(AccessKind.Read, false)]
    internal void A_child_gets_the_page_tables_of_memory_that_has_private_pages(AccessKind first, bool copied)
    {
        using Scene scene = new();
        scene.Map(2);
        _ = scene.Touch(scene.Main, 0, first);
        _ = scene.Kernel.Run(new AdviseMemory(scene.Main, Scene.Base, Scene.Page, Advice.DontNeed));
        Assert.True(scene.Mm.PageTables.Exist(PageSize.PageOf(Scene.At(1))));

        using AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Main, 1)).Child!;
        Assert.Equal(copied, child.PageTables.Exist(PageSize.PageOf(Scene.At(1))));
    }
}
