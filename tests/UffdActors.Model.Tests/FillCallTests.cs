using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>Which fills are taken, on which memory, and what is left of those that are not (SEMANTICS 5.1 to 5.3).</summary>
public class FillCallTests
{
    private const ulong Page = Scene.Page;
    private const ulong Source = Scene.Base + (64 * Page);

    public static TheoryData<string, ulong, ulong, FillModes, string, Errno, bool> Refused => new()
    {
        { nameof(FillKind.Copy), 1, Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        { nameof(FillKind.Copy), 0, Page + 1, FillModes.None, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        { nameof(FillKind.Copy), 0, 0, FillModes.None, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        { nameof(FillKind.Copy), 0, PageSize.TaskSize - Scene.Base + Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.EINVAL,
            false },
        { nameof(FillKind.Copy), 0, Page, (FillModes)4, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        { nameof(FillKind.Copy), 0, Page, FillModes.None, nameof(ArgumentPointer.Null), Errno.EFAULT, false },
        { nameof(FillKind.ZeroPage), 0, Page, FillModes.WriteProtect, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        { nameof(FillKind.Poison), 0, Page, FillModes.WriteProtect, nameof(ArgumentPointer.Good), Errno.EINVAL, false },
        // From here on the mapping has been looked at, and the out field says so.
        { nameof(FillKind.Copy), 0, Page, FillModes.WriteProtect, nameof(ArgumentPointer.Good), Errno.EINVAL, true },
        { nameof(FillKind.Continue), 0, Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.EINVAL, true },
        { nameof(FillKind.Copy), 3 * Page, 2 * Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.ENOENT, true },
        { nameof(FillKind.Copy), 5 * Page, Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.ENOENT, true },
        { nameof(FillKind.Copy), 9 * Page, Page, FillModes.None, nameof(ArgumentPointer.Good), Errno.ENOENT, true },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_call_that_is_refused_fills_nothing_and_says_whether_it_has_looked(
        string kind, ulong offset, ulong length, FillModes modes, string pointer, Errno error, bool looked)
    {
        using Scene scene = new();
        // Pages 0 to 3 are registered, 4 to 7 are mapped, and behind them is nothing.
        scene.Map(8);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);

        Fill fill = new(scene.Main);
        fill.Begin(
            context, Enum.Parse<FillKind>(kind), Scene.Base + offset, length, FillSource.Zero, modes, Enum.Parse<ArgumentPointer>(pointer));
        _ = scene.Kernel.Run(fill);

        Assert.Equal((error, looked ? -(long)error : (long?)null), (fill.Error, fill.Out));
        Assert.All(Enumerable.Range(0, 8), page => Assert.Equal(EntryKind.None, scene.EntryAt(page).Kind));
        Assert.Equal(0, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void A_userfaultfd_without_handshake_and_a_process_that_has_ended_take_no_fill()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext raw = scene.Kernel.Attach(new UserfaultContext(scene.Mm, UffdOpenFlags.NonBlock, 9));
        Fill fill = scene.Fill(raw, FillKind.Copy);
        Assert.Equal((Errno.EINVAL, null), (fill.Error, fill.Out));

        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        using AddressSpace otherMm = scene.Kernel.Attach(new AddressSpace(scene.Machine));
        Caller outside = scene.Kernel.Attach(new Caller(otherMm));
        _ = scene.Kernel.Run(new ExitProcess(scene.Main));
        fill = scene.Fill(context, FillKind.Copy, caller: outside);
        Assert.Equal((Errno.ESRCH, null), (fill.Error, fill.Out));
    }

    /// <summary>Before anything of the argument is looked at.</summary>
    [Theory]
    [InlineData(ArgumentPointer.Good, Errno.EAGAIN)]
    [InlineData(ArgumentPointer.ReadOnly, Errno.EFAULT)]
    [InlineData(ArgumentPointer.Null, Errno.EFAULT)]
    internal void While_something_changes_every_fill_gives_EAGAIN_where_it_can_say_so(ArgumentPointer pointer, Errno error)
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove);
        _ = scene.Register(context, RegisterModes.Missing);
        context.BeginChange();
        Fill fill = new(scene.Main);
        fill.Begin(context, FillKind.Copy, Scene.Base + 1, 0, pointer: pointer);
        _ = scene.Kernel.Run(fill);
        Assert.Equal((error, pointer == ArgumentPointer.Good ? -(long)Errno.EAGAIN : (long?)null), (fill.Error, fill.Out));
        context.EndChange();
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
    }

    [Fact]
    public void An_argument_that_cannot_be_written_gives_EFAULT_and_the_pages_stay_and_nobody_is_woken()
    {
        using Scene scene = new();
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access waiting = scene.Touch(scene.Thread(1), 0);
        Fill fill = new(scene.Main);
        fill.Begin(context, FillKind.Copy, Scene.Base, Page, FillSource.Stamp(7), pointer: ArgumentPointer.ReadOnly);
        _ = scene.Kernel.Run(fill);
        Assert.Equal((Errno.EFAULT, null), (fill.Error, fill.Out));
        Assert.Equal(EntryKind.Anon, scene.EntryAt(0).Kind);
        Assert.False(waiting.IsFinished);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_is_filled_protected_where_that_is_asked_for_and_registered(bool isFile)
    {
        using Scene scene = new();
        scene.Map(4, isFile ? scene.NewFile(new Shmem(), 4) : null);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, modes: FillModes.WriteProtect).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, page: 1).Error);
        Assert.Equal((true, false), (scene.EntryAt(0).IsWp, scene.EntryAt(1).IsWp));
        Assert.False(scene.Touch(scene.Thread(1), 0, AccessKind.Write).IsFinished);
        Assert.True(scene.Touch(scene.Thread(2), 1, AccessKind.Write).IsFinished);
    }

    [Fact]
    public void Core_fills_a_private_mapping_of_a_file_and_its_cache_has_nothing_of_it()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 4);
        scene.Map(4, file, shared: false);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
        Assert.Equal((EntryKind.Anon, false), (scene.EntryAt(0).Kind, file.SlotAt(0).IsPresent));
        Assert.Equal(7ul, scene.Touch(scene.Main, 0).Value);
    }

    [Fact]
    public void A_shared_page_goes_into_the_cache_once_and_every_mapping_of_the_file_sees_it()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 4);
        scene.Map(4, file);
        scene.Map(4, file, address: Source);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
        Assert.Equal((EntryKind.File, 7ul), (scene.EntryAt(0).Kind, scene.Touch(scene.Main, 64).Value));
        // In the cache by the other mapping, and not mapped here.
        _ = scene.Touch(scene.Main, 65, AccessKind.Write);
        long inUse = scene.Machine.BaseFolios.InUse;
        Fill late = scene.Fill(context, FillKind.Copy, page: 1);
        Assert.Equal((Errno.EEXIST, -(long)Errno.EEXIST), (late.Error, late.Out));
        Assert.Equal((EntryKind.None, inUse), (scene.EntryAt(1).Kind, scene.Machine.BaseFolios.InUse));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Beyond_the_end_of_the_file_a_fill_gives_EFAULT(bool isShared)
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Shmem(), 2);
        scene.Map(4, file, isShared);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Fill partly = scene.Fill(context, FillKind.Copy, pages: 4);
        Assert.Equal((Errno.EAGAIN, 2 * (long)Page), (partly.Error, partly.Out));
        Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Copy, page: 2).Error);
        Assert.Equal(2, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void A_huge_page_takes_COPY_of_whole_pages_and_no_ZEROPAGE_and_an_empty_pool_gives_EEXIST()
    {
        using Scene scene = new(hugePages: 2);
        MemoryFile file = scene.NewFile(new Hugetlb(), 2);
        scene.Map(2, file);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 2, stride: 512);
        Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.ZeroPage, pages: 512).Error);
        Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.Copy, page: 1, pages: 512).Error);
        Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.Copy, pages: 511).Error);
        Fill fill = scene.Fill(context, FillKind.Copy, pages: 512);
        Assert.Equal((Errno.None, 512 * (long)Page), (fill.Error, fill.Out));
        Assert.True(file.SlotAt(0).IsPresent);
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy, pages: 512).Error);
        Assert.NotEqual(FolioStore.None, scene.Machine.HugeFolios.AllocateZeroed());
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy, page: 512, pages: 512).Error);
        Assert.False(file.SlotAt(1).IsPresent);
    }

    [Fact]
    public void Of_a_huge_page_that_the_cache_has_CONTINUE_maps_it_and_COPY_says_that_it_is_there()
    {
        using Scene scene = new();
        MemoryFile file = scene.NewFile(new Hugetlb(), 2);
        scene.Map(2, file);
        scene.Map(2, file, address: Scene.At(2048));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.Minor, pages: 2, stride: 512);
        _ = scene.Touch(scene.Main, 2048, AccessKind.Write);
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy, pages: 512).Error);
        Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Continue, page: 512, pages: 512).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue, pages: 512).Error);
        Assert.Equal(EntryKind.File, scene.EntryAt(0).Kind);
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Continue, pages: 512).Error);
    }

    /// <summary>More than one turn fills, as one call.</summary>
    [Theory]
    [InlineData(FillKind.Copy, false)]
    [InlineData(FillKind.ZeroPage, false)]
    [InlineData(FillKind.Poison, false)]
    [InlineData(FillKind.Copy, true)]
    internal void A_long_range_is_filled_to_its_end_and_up_to_what_is_in_its_way(FillKind kind, bool isFile)
    {
        const int pages = 1400;
        using Scene scene = new();
        scene.Map(pages, isFile ? scene.NewFile(new Shmem(), pages) : null);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: pages);
        _ = scene.Fill(context, FillKind.Copy, page: 1300, value: 9);

        Fill fill = scene.Fill(context, kind, pages: pages);

        Assert.Equal((Errno.EAGAIN, 1300 * (long)Page), (fill.Error, fill.Out));
        EntryKind expected = kind switch
        {
            FillKind.Poison => EntryKind.Poison,
            FillKind.ZeroPage => EntryKind.Zero,
            _ => isFile ? EntryKind.File : EntryKind.Anon,
        };
        Assert.All(Enumerable.Range(0, 1300), page => Assert.Equal(expected, scene.EntryAt(page).Kind));
        Assert.All(Enumerable.Range(1301, 99), page => Assert.Equal(EntryKind.None, scene.EntryAt(page).Kind));
        Assert.Equal(kind == FillKind.Copy ? 1301 : 1, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void A_source_in_memory_of_the_caller_is_read_and_faulted_in_where_it_is_absent()
    {
        using Scene scene = new();
        scene.Map(4);
        scene.Map(4, address: Source);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Touch(scene.Main, 65, AccessKind.Write, value: 5);

        // Nobody has touched the first page of the source: it is zeros.
        Fill fill = Copy(scene, context, scene.Main, page: 0, pages: 2);

        Assert.Equal((Errno.None, 2 * (long)Page), (fill.Error, fill.Out));
        Assert.Equal((0ul, 5ul), (scene.Touch(scene.Main, 0).Value, scene.Touch(scene.Main, 1).Value));
    }

    [Fact]
    public void Where_the_source_ends_the_fill_ends_and_keeps_what_was_done()
    {
        using Scene scene = new();
        scene.Map(4);
        scene.Map(2, address: Source);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Fill partly = Copy(scene, context, scene.Main, page: 0, pages: 3);
        Fill none = Copy(scene, context, scene.Main, page: 2, from: 8);
        Assert.Equal((Errno.EAGAIN, 2 * (long)Page), (partly.Error, partly.Out));
        Assert.Equal((Errno.EFAULT, -(long)Errno.EFAULT), (none.Error, none.Out));
        Assert.Equal(2, Enumerable.Range(0, 4).Count(page => scene.EntryAt(page).Kind == EntryKind.Anon));
    }

    [Fact]
    public void A_source_that_is_absent_itself_is_waited_for_and_what_has_come_meanwhile_is_seen()
    {
        using Scene scene = new();
        scene.Map(4);
        scene.Map(4, address: Source);
        UserfaultContext context = scene.Open(UffdFeatures.EventRemove);
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Register(context, RegisterModes.Missing, first: 64);
        Fill first = Copy(scene, context, scene.Thread(1), page: 0);
        Fill second = Copy(scene, context, scene.Thread(2), page: 1);
        Assert.Equal((false, false, 2), (first.IsFinished, second.IsFinished, context.Total));

        _ = scene.Fill(context, FillKind.Copy, page: 1, value: 3);
        _ = scene.Fill(context, FillKind.Copy, page: 64, value: 7);

        Assert.Equal((Errno.None, (long)Page), (first.Error, first.Out));
        Assert.Equal((Errno.EEXIST, -(long)Errno.EEXIST), (second.Error, second.Out));
        Assert.Equal((7ul, 3ul), (scene.Touch(scene.Main, 0).Value, scene.Touch(scene.Main, 1).Value));
        Assert.Equal((3, 0), (scene.Machine.BaseFolios.InUse, context.Total));
    }

    private static Fill Copy(Scene scene, UserfaultContext context, Caller thread, long page, int pages = 1, int from = 0)
    {
        Fill fill = new(thread);
        fill.Begin(context, FillKind.Copy, Scene.At(page), (ulong)pages * Page, FillSource.User(Source + ((ulong)from * Page)));
        return scene.Kernel.Run(fill);
    }
}
