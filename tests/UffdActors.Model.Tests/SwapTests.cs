using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>A page in swap is there for everything but the page table (SEMANTICS 4.1, 4.4, 5.8).</summary>
public class SwapTests
{
    private const byte Content = 42;

    private static readonly KernelProfile WithSwap = KernelProfile.Linux618 with { Swap = true };

    [Fact]
    public void Without_swap_MADV_PAGEOUT_succeeds_and_changes_nothing()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 1);
        scene.Map(1);
        scene.Map(1, file, address: Scene.At(1));
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        _ = scene.Touch(scene.Main, 1, AccessKind.Write, Content);
        Entry[] before = [scene.EntryAt(0), scene.EntryAt(1)];

        Assert.Equal(Errno.None, PageOut(scene, pages: 2));

        Assert.Equal(before, new[] { scene.EntryAt(0), scene.EntryAt(1) });
    }

    [Theory]
    [InlineData(ContentKind.Bytes, AccessKind.Read)]
    [InlineData(ContentKind.Bytes, AccessKind.Write)]
    [InlineData(ContentKind.Runs, AccessKind.Read)]
    [InlineData(ContentKind.Runs, AccessKind.Read | AccessKind.Kernel)]
    internal void An_access_brings_a_page_back_with_its_content_and_nobody_is_told(ContentKind content, AccessKind kind)
    {
        using Scene scene = new(WithSwap, content);
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove | UffdFeatures.Sigbus);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        Entry page = scene.EntryAt(0);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);

        Assert.Equal(Errno.None, PageOut(scene));
        Assert.True(scene.EntryAt(0) is { IsPresent: false, IsSwapped: true });
        Access access = scene.Touch(scene.Main, 0, kind, Content);

        Assert.Equal((AccessOutcome.Ok, Content), (access.Outcome, (byte)access.Value));
        Assert.Equal(page, scene.EntryAt(0));
        Assert.Equal(Content, scene.Touch(scene.Main, 0).Value);
        Assert.Equal((0, 0, false), (context.Total, context.UnreadEvents, context.IsChanging));
    }

    [Fact]
    public void A_stamp_is_swapped_out_like_bytes()
    {
        using Scene scene = new(WithSwap, ContentKind.Stamps);
        scene.Map(2048);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 2048);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, pages: 2048).Error);

        Assert.Equal(Errno.None, PageOut(scene, page: 100, pages: 1500));

        Assert.Equal(1500, Enumerable.Range(0, 2048).Count(page => scene.EntryAt(page).IsSwapped));
        Assert.Equal(7ul, scene.Touch(scene.Main, 1000).Value);
    }

    [Fact]
    public void What_has_no_page_of_its_own_stays_where_it_is()
    {
        using Scene scene = new(WithSwap);
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.WpUnpopulated);
        _ = scene.Touch(scene.Main, 0);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);
        _ = scene.Protect(context, WriteProtectModes.Protect, page: 1);
        _ = scene.Fill(context, FillKind.Poison, page: 2);

        Assert.Equal(Errno.None, PageOut(scene, pages: 4));

        Assert.Equal([Entry.Zero, Entry.WpMarker, Entry.Poison, Entry.None], Enumerable.Range(0, 4).Select(page => scene.EntryAt(page)));
    }

    [Fact]
    public void A_write_to_a_protected_page_in_swap_is_delivered_as_a_WP_fault()
    {
        using Scene scene = new(WithSwap);
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);
        _ = scene.Protect(context, WriteProtectModes.Protect);
        _ = PageOut(scene);

        Access write = scene.Touch(scene.Thread(1), 0, AccessKind.Write, 9);

        Assert.Equal((FaultFlags.Write | FaultFlags.Wp, AccessOutcome.None), (write.Flags, write.Outcome));
        Assert.True(scene.EntryAt(0) is { IsPresent: true, IsWp: true });
        _ = scene.Protect(context, WriteProtectModes.Clear);
        Assert.Equal(AccessOutcome.Ok, write.Outcome);
        Assert.Equal(9ul, scene.Touch(scene.Main, 0).Value);
    }

    [Fact]
    public void A_read_brings_a_protected_page_back_protected()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);

        Assert.Equal(Content, scene.Touch(scene.Main, 0).Value);

        Assert.True(scene.EntryAt(0) is { IsPresent: true, IsWp: true });
        Assert.Equal(0, context.Total);
    }

    [Fact]
    public void Asynchronous_write_protection_of_a_page_in_swap_is_cleared_by_the_write()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene, UffdFeatures.WpAsync);

        Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Main, 0, AccessKind.Write).Outcome);

        Assert.True(scene.EntryAt(0) is { IsPresent: true, IsWp: false });
        Assert.Equal(0, context.Total);
    }

    [Theory]
    [InlineData(FillKind.Copy)]
    [InlineData(FillKind.ZeroPage)]
    [InlineData(FillKind.Poison)]
    internal void No_fill_replaces_a_page_in_swap(FillKind kind)
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);
        Entry before = scene.EntryAt(0);

        Fill fill = scene.Fill(context, kind);

        Assert.Equal((Errno.EEXIST, -(long)Errno.EEXIST), (fill.Error, fill.Out));
        Assert.Equal(before, scene.EntryAt(0));
    }

    [Theory]
    [InlineData(FillKind.Copy)]
    [InlineData(FillKind.Continue)]
    internal void No_fill_replaces_a_private_copy_in_swap(FillKind kind)
    {
        using Scene scene = new(WithSwap);
        MemoryFile file = PrivateCopyInSwap(scene, out UserfaultContext context);

        Assert.Equal(Errno.EEXIST, scene.Fill(context, kind).Error);
        Assert.True(scene.EntryAt(0).IsSwapped);
        Assert.True(file.SlotAt(0).IsPresent);
    }

    [Fact]
    public void A_private_copy_in_swap_is_neither_minor_nor_missing()
    {
        using Scene scene = new(WithSwap);
        _ = PrivateCopyInSwap(scene, out UserfaultContext context);

        Assert.Equal(Content, scene.Touch(scene.Main, 0).Value);
        Assert.Equal(0, context.Total);
    }

    [Fact]
    public void WRITEPROTECT_sets_and_clears_the_bit_of_a_page_in_swap()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Clear));
        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsWp: false });
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));
        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsWp: true });
    }

    [Fact]
    public void MOVE_takes_a_swap_entry_as_it_is_and_puts_none_upon_one()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);
        Entry before = scene.EntryAt(0);

        Move move = scene.Kernel.Run(new Move(scene.Main, context, Scene.At(1), Scene.Base, Scene.Page, 0));
        Assert.Equal((Errno.None, (long)Scene.Page), (move.Error, move.Out));
        Assert.Equal((Entry.None, before), (scene.EntryAt(0), scene.EntryAt(1)));
        Assert.Equal(Content, scene.Touch(scene.Main, 1).Value);

        _ = PageOut(scene, page: 1);
        _ = scene.Fill(context, FillKind.Copy, page: 2);
        Assert.Equal(Errno.EEXIST, scene.Kernel.Run(new Move(scene.Main, context, Scene.At(1), Scene.At(2), Scene.Page, 0)).Error);
    }

    [Fact]
    public void MOVE_refuses_a_swap_entry_that_fork_has_shared()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);
        using AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Main, 1)).Child!;

        Assert.Equal(Errno.EBUSY, scene.Kernel.Run(new Move(scene.Main, context, Scene.At(1), Scene.Base, Scene.Page, 0)).Error);
        Assert.True(scene.EntryAt(0).IsSwapped);
    }

    [Theory]
    [InlineData(Advice.DontNeed)]
    [InlineData(Advice.Free)]
    public void Anonymous_memory_loses_a_page_in_swap_and_its_protection(Advice advice)
    {
        using Scene scene = new(WithSwap);
        _ = ProtectedInSwap(scene);

        Assert.Equal(Errno.None, scene.Kernel.Run(new AdviseMemory(scene.Main, Scene.Base, Scene.Page, advice)).Error);

        Assert.Equal(Entry.None, scene.EntryAt(0));
        Assert.Equal(0, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void DONTNEED_of_a_protected_private_copy_in_swap_leaves_a_marker()
    {
        using Scene scene = new(WithSwap);
        _ = PrivateCopyInSwap(scene, out UserfaultContext context);
        _ = scene.Protect(context, WriteProtectModes.Protect);

        _ = scene.Kernel.Run(new AdviseMemory(scene.Main, Scene.Base, Scene.Page, Advice.DontNeed));

        Assert.Equal(Entry.WpMarker, scene.EntryAt(0));
        Assert.Equal(1, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void A_private_copy_in_swap_survives_a_hole_but_not_the_end_of_the_file()
    {
        using Scene scene = new(WithSwap);
        MemoryFile file = PrivateCopyInSwap(scene, out _);

        _ = scene.Kernel.Run(new PunchHole(scene.Main, file, 0, PageSize.Base));
        Assert.True(scene.EntryAt(0).IsSwapped);
        _ = scene.Kernel.Run(new TruncateFile(scene.Main, file, 0));
        Assert.Equal(Entry.None, scene.EntryAt(0));
        Assert.Equal(0, scene.Machine.BaseFolios.InUse);
    }

    [Theory]
    [InlineData(UffdFeatures.EventRemap, true)]
    [InlineData(UffdFeatures.None, false)]
    public void Mremap_moves_a_page_in_swap_and_its_protection_only_with_the_registration(UffdFeatures features, bool keeps)
    {
        using Scene scene = new(WithSwap);
        _ = ProtectedInSwap(scene, features);

        RemapMemory remap = new(scene.Thread(1), Scene.Base, Scene.Page, Scene.Page, RemapModes.MayMove | RemapModes.Fixed, Scene.At(100));
        _ = scene.Kernel.Run(remap);

        Assert.Equal(Entry.None, scene.EntryAt(0));
        Assert.Equal((true, keeps), (scene.EntryAt(100).IsSwapped, scene.EntryAt(100).IsWp));
        Assert.Equal(Content, scene.Touch(scene.Main, 100).Value);
    }

    [Fact]
    public void Fork_shares_a_page_in_swap_and_the_child_has_it_unprotected()
    {
        using Scene scene = new(WithSwap);
        _ = ProtectedInSwap(scene);

        using AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Main, 1)).Child!;

        Entry inherited = child.EntryAt(PageSize.PageOf(Scene.Base));
        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsShared: true, IsWp: true });
        Assert.True(inherited is { IsSwapped: true, IsShared: true, IsWp: false });
        Caller other = scene.Kernel.Attach(new Caller(child, 5, 5));
        _ = scene.Touch(other, 0, AccessKind.Write, 9);
        Assert.Equal((9ul, (ulong)Content), (scene.Touch(other, 0).Value, scene.Touch(scene.Main, 0).Value));
        Assert.Equal(2, scene.Machine.BaseFolios.InUse);
        _ = scene.Kernel.Run(new ExitProcess(other));
        Assert.Equal(1, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void MADV_PAGEOUT_leaves_a_page_alone_that_another_process_has_too()
    {
        using Scene scene = new(WithSwap);
        scene.Map(1);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        using AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Main, 1)).Child!;

        _ = PageOut(scene);
        Assert.True(scene.EntryAt(0).IsPresent);
        _ = scene.Kernel.Run(new ExitProcess(scene.Kernel.Attach(new Caller(child, 5, 5))));
        _ = PageOut(scene);
        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsShared: true });
    }

    [Fact]
    public void UNREGISTER_clears_the_protection_of_a_page_in_swap()
    {
        using Scene scene = new(WithSwap);
        UserfaultContext context = ProtectedInSwap(scene);

        Assert.Equal(Errno.None, scene.Kernel.Run(new Unregister(scene.Main, context, Scene.Base, 4 * Scene.Page)).Error);

        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsWp: false });
    }

    [Fact]
    public void Munmap_frees_what_is_in_swap()
    {
        using Scene scene = new(WithSwap);
        _ = ProtectedInSwap(scene);
        Assert.Equal(1, scene.Machine.BaseFolios.InUse);

        Assert.Equal(Errno.None, scene.Kernel.Run(new UnmapMemory(scene.Main, Scene.Base, 4 * Scene.Page)).Error);

        Assert.Equal((Entry.None, 0L), (scene.EntryAt(0), scene.Machine.BaseFolios.InUse));
    }

    [Fact]
    public void A_page_of_shmem_that_is_swapped_out_leaves_the_mapping_and_counts_as_cached()
    {
        using Scene scene = new(WithSwap);
        MemoryFile file = scene.NewFile(new Shmem(), 4);
        scene.Map(4, file);
        UserfaultContext context = scene.Open();
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        _ = scene.Touch(scene.Main, 1, AccessKind.Write, Content);
        CacheSlot slot = file.SlotAt(0);
        _ = scene.Register(context, RegisterModes.All);
        _ = scene.Protect(context, WriteProtectModes.Protect, page: 1);

        Assert.Equal(Errno.None, PageOut(scene, pages: 4));

        Assert.Equal([Entry.None, Entry.WpMarker], [scene.EntryAt(0), scene.EntryAt(1)]);
        Assert.Equal(slot, file.SlotAt(0));
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy).Error);
        Access read = scene.Touch(scene.Thread(1), 0);
        Assert.Equal(FaultFlags.Minor, read.Flags);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue).Error);
        Assert.Equal((AccessOutcome.Ok, (ulong)Content), (read.Outcome, read.Value));
    }

    [Fact]
    public void MADV_PAGEOUT_leaves_a_page_of_shmem_alone_that_is_mapped_twice()
    {
        using Scene scene = new(WithSwap);
        MemoryFile file = scene.NewFile(new Shmem(), 4);
        scene.Map(4, file);
        scene.Map(2, file, address: Scene.At(100), offset: 1);
        for (long page = 0; page < 3; page++) _ = scene.Touch(scene.Main, page, AccessKind.Write, Content);
        _ = scene.Touch(scene.Main, 100, AccessKind.Write, Content);

        _ = PageOut(scene, pages: 4);

        Assert.Equal([false, true, false], Enumerable.Range(0, 3).Select(page => scene.EntryAt(page).IsPresent));
    }

    [Fact]
    public void Memory_of_a_guest_never_goes_to_swap()
    {
        using Scene scene = new(WithSwap);
        MemoryFile file = scene.Keep(new GuestMemfd().CreateFile(scene.Machine, PageSize.Base, GuestMemfdFlags.Shared));
        scene.Map(1, file);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);

        Assert.Equal(Errno.None, PageOut(scene));

        Assert.True(scene.EntryAt(0).IsPresent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Huge_pages_of_a_pool_are_refused(bool swap)
    {
        using Scene scene = new(KernelProfile.Linux618 with { Swap = swap });
        scene.Map(1, scene.NewFile(new Hugetlb(), 1));

        Assert.Equal(Errno.EINVAL, PageOut(scene, pages: 512));
    }

    private static Errno PageOut(Scene scene, long page = 0, long pages = 1) =>
        scene.Kernel.Run(new AdviseMemory(scene.Main, Scene.At(page), (ulong)pages * Scene.Page, Advice.PageOut)).Error;

    /// <summary>Four pages of anonymous memory, registered for MISSING and WP; the first is write-protected and in swap.</summary>
    private static UserfaultContext ProtectedInSwap(Scene scene, UffdFeatures features = UffdFeatures.None)
    {
        scene.Map(4);
        UserfaultContext context = scene.Open(features);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));
        Assert.Equal(Errno.None, PageOut(scene));
        Assert.True(scene.EntryAt(0) is { IsSwapped: true, IsWp: true });
        return context;
    }

    /// <summary>A private mapping of shmem whose only page has a copy of its own, which is in swap; registered for everything.</summary>
    private static MemoryFile PrivateCopyInSwap(Scene scene, out UserfaultContext context)
    {
        MemoryFile file = scene.NewFile(new Shmem(), 1);
        scene.Map(1, file, shared: false);
        context = scene.Open();
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, Content);
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.All, pages: 1).Error);
        Assert.Equal(Errno.None, PageOut(scene));
        Assert.True(scene.EntryAt(0).IsSwapped);
        return file;
    }
}
