using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Waiting;
using UffdActors.Model.Memory;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Binding;

/// <summary>One fault, all the way round, for each kind of memory and way of resolving.</summary>
public class FaultRoundTests
{
    private const ulong Key = 7;

    [SkippableTheory]
    [InlineData(MemoryBacking.Anonymous)]
    [InlineData(MemoryBacking.Shmem)]
    public void A_missing_page_is_reported_copied_and_its_thread_goes_on(MemoryBacking backing)
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(backing, pages: 4, RegisterModes.Missing);
        using NativeBuffer page = new(PageSize.Base);
        page.Write(0, [1, 2, 3, 4, 5, 6, 7, 8]);

        Toucher toucher = Toucher.Reads(range.Memory, PageSize.Base * 2 + 8);
        UffdMsg fault = range.NextMessage();

        Assert.Equal(UffdEvent.Pagefault, fault.Event);
        Assert.Equal(FaultFlags.None, fault.Flags);
        Assert.Equal(range.Memory.Address + (2 * PageSize.Base), fault.Address);
        Assert.Equal(new IoctlResult(Errno.None, PageSize.Base), range.Uffd.Copy(fault.Address, (ulong)page.Address, PageSize.Base));
        Assert.Equal(0ul, toucher.Value());
        Assert.Equal(0x0807060504030201ul, range.Memory.ReadWord(PageSize.Base * 2));
    }

    [SkippableFact]
    public void A_zero_page_fills_a_hole_and_a_second_one_is_EEXIST_with_the_error_in_the_out_field()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 2, RegisterModes.Missing);

        Assert.Equal(new IoctlResult(Errno.None, 2 * PageSize.Base), range.Uffd.ZeroPage(range.Memory.Address, 2 * PageSize.Base));
        Assert.Equal(new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST), range.Uffd.ZeroPage(range.Memory.Address, PageSize.Base));
        Assert.Equal(0ul, range.Memory.ReadWord(PageSize.Base));
    }

    [SkippableFact]
    public void Bad_arguments_leave_the_out_field_untouched()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 2, RegisterModes.Missing);

        Assert.Equal(new IoctlResult(Errno.EINVAL, null), range.Uffd.ZeroPage(range.Memory.Address + 1, PageSize.Base));
        Assert.Equal(new IoctlResult(Errno.ENOENT, -(long)Errno.ENOENT), range.Uffd.ZeroPage(range.Memory.End, PageSize.Base));
    }

    [SkippableFact]
    public void A_copy_that_meets_a_present_page_says_how_far_it_came()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 4, RegisterModes.Missing);
        using NativeBuffer pages = new(4 * PageSize.Base);
        Assert.True(range.Uffd.ZeroPage(range.Memory.Address + (2 * PageSize.Base), PageSize.Base).IsDone);

        IoctlResult result = range.Uffd.Copy(range.Memory.Address, (ulong)pages.Address, 4 * PageSize.Base);

        Assert.Equal(new IoctlResult(Errno.EAGAIN, 2 * PageSize.Base), result);
        Assert.False(result.NeedsEventsRead);
        Assert.Equal(2 * PageSize.Base, result.BytesDone);
    }

    [SkippableFact]
    public void A_minor_fault_is_filled_through_the_alias_and_mapped_by_CONTINUE()
    {
        ThisKernel.Require();
        using MemoryObject file = MemoryObject.CreateShmem("minor", 2 * PageSize.Base);
        using GuestMemory alias = GuestMemory.Map(file, 0, file.Bytes);
        using LiveRange range = new(GuestMemory.Map(file, 0, file.Bytes), RegisterModes.Minor | RegisterModes.Missing);
        alias.WriteWord(PageSize.Base, 42);

        Toucher toucher = Toucher.Reads(range.Memory, PageSize.Base);
        UffdMsg fault = range.NextMessage();

        Assert.Equal(FaultFlags.Minor, fault.Flags);
        Assert.Equal(new IoctlResult(Errno.None, PageSize.Base), range.Uffd.Continue(fault.Address, PageSize.Base));
        Assert.Equal(42ul, toucher.Value());
        Assert.Equal(new IoctlResult(Errno.EFAULT, -(long)Errno.EFAULT), range.Uffd.Continue(range.Memory.Address, PageSize.Base));
    }

    [SkippableFact]
    public void A_write_to_a_protected_page_waits_until_the_protection_is_cleared()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 1, RegisterModes.WriteProtect);
        range.Memory.WriteWord(0, 1);
        Assert.True(range.Uffd.WriteProtect(range.Memory.Address, PageSize.Base, WriteProtectModes.Protect).IsDone);

        Toucher toucher = Toucher.Writes(range.Memory, 0, 2);
        UffdMsg fault = range.NextMessage();

        Assert.Equal(FaultFlags.Write | FaultFlags.Wp, fault.Flags);
        Assert.Equal(1ul, range.Memory.ReadWord(0));
        Assert.True(range.Uffd.WriteProtect(range.Memory.Address, PageSize.Base, WriteProtectModes.Clear).IsDone);
        _ = toucher.Value();
        Assert.Equal(2ul, range.Memory.ReadWord(0));
    }

    [SkippableFact]
    public void Pages_move_from_one_address_to_another()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 2, RegisterModes.Missing);
        using GuestMemory source = GuestMemory.MapAnonymous(PageSize.Base);
        source.WriteWord(8, 99);

        Assert.Equal(new IoctlResult(Errno.None, PageSize.Base), range.Uffd.Move(range.Memory.Address, source.Address, PageSize.Base));

        Assert.Equal(99ul, range.Memory.ReadWord(8));
        Assert.Equal(0ul, source.ReadWord(8));
    }

    [SkippableFact]
    public void While_an_event_is_unread_fills_give_EAGAIN_with_a_negative_out_field()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 2, RegisterModes.Missing, UffdFeatures.EventRemove);
        Thread advisor = new(() => Assert.Equal(Errno.None, range.Memory.Advise(PageSize.Base, PageSize.Base, MemoryAdvice.DontNeed)));
        advisor.Start();
        range.WaitUntilReadable();

        IoctlResult refused = range.Uffd.ZeroPage(range.Memory.Address, PageSize.Base);
        UffdMsg removed = range.NextMessage();
        advisor.Join();

        Assert.Equal(new IoctlResult(Errno.EAGAIN, -(long)Errno.EAGAIN), refused);
        Assert.True(refused.NeedsEventsRead);
        Assert.Equal(UffdMsg.Remove(range.Memory.Address + PageSize.Base, range.Memory.End), removed);
        Assert.True(range.Uffd.ZeroPage(range.Memory.Address, PageSize.Base).IsDone);
    }

    [SkippableFact]
    public void Fdinfo_counts_unread_faults_and_sleeping_threads()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 2, RegisterModes.Missing, UffdFeatures.ThreadId);
        Assert.Equal(new UffdFdInfo(0, 0, UffdFeatures.ThreadId, true), range.Uffd.ReadFdInfo());

        Toucher toucher = Toucher.Reads(range.Memory, 0);
        range.WaitUntilReadable();
        Assert.Equal(new UffdFdInfo(1, 1, UffdFeatures.ThreadId, true), range.Uffd.ReadFdInfo());
        UffdMsg fault = range.NextMessage();
        Assert.Equal(new UffdFdInfo(0, 1, UffdFeatures.ThreadId, true), range.Uffd.ReadFdInfo());

        Assert.Equal((uint)toucher.ThreadId, fault.ThreadId);
        Assert.True(range.Uffd.ZeroPage(range.Memory.Address, PageSize.Base).IsDone);
        _ = toucher.Value();
    }

    [SkippableFact]
    public void A_scan_that_only_looks_counts_no_empty_entry_as_written()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 8, RegisterModes.WriteProtect, UffdFeatures.None);
        using Pagemap pagemap = Pagemap.Open();
        range.Memory.WriteWord(3 * PageSize.Base, 1);
        DirtyRange[] dirty = new DirtyRange[4];

        int found = pagemap.ScanWritten(range.Memory.Address, range.Memory.End, protect: false, withEmpty: false, dirty, out ulong next);

        Assert.Equal((1, range.Memory.End), (found, next));
        ulong third = range.Memory.Address + (3 * PageSize.Base);
        Assert.Equal((third, third + PageSize.Base), (dirty[0].Start, dirty[0].End));
    }

    [SkippableFact]
    public void The_page_table_and_the_dirty_scan_see_what_asynchronous_write_protection_lets_through()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 8, RegisterModes.WriteProtect, UffdFeatures.WpAsync);
        using Pagemap pagemap = Pagemap.Open();
        Assert.True(range.Uffd.WriteProtect(range.Memory.Address, range.Memory.Bytes, WriteProtectModes.Protect).IsDone);
        range.Memory.WriteWord(3 * PageSize.Base, 1);
        range.Memory.WriteWord(4 * PageSize.Base, 1);
        range.Memory.WriteWord(6 * PageSize.Base, 1);

        DirtyRange[] dirty = new DirtyRange[4];
        int found = pagemap.ScanWritten(range.Memory.Address, range.Memory.End, protect: true, withEmpty: true, dirty, out ulong next);
        int again = pagemap.ScanWritten(range.Memory.Address, range.Memory.End, protect: false, withEmpty: false, new DirtyRange[4], out _);
        PagemapFlags[] entries = new PagemapFlags[8];
        pagemap.Read(range.Memory.Address, entries);

        Assert.Equal(2, found);
        Assert.Equal(range.Memory.End, next);
        Assert.Equal(range.Memory.Address + (3 * PageSize.Base), dirty[0].Start);
        Assert.Equal(range.Memory.Address + (5 * PageSize.Base), dirty[0].End);
        Assert.Equal(range.Memory.Address + (6 * PageSize.Base), dirty[1].Start);
        Assert.Equal(0, again);
        Assert.Equal(PagemapFlags.Swap | PagemapFlags.UffdWp, entries[0]);
        Assert.Equal(PagemapFlags.Present | PagemapFlags.UffdWp, entries[3]);
    }

    [SkippableFact]
    public void A_poll_set_wakes_for_a_fault_and_for_a_signal_and_says_which()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, pages: 1, RegisterModes.Missing);
        using PollSet poll = new();
        using EventSignal signal = new();
        poll.Add(range.Uffd.Handle, Key);
        poll.Add(signal.Handle, Key + 1);
        ulong[] keys = new ulong[2];
        Assert.Equal(0, poll.WaitReadable(keys, TimeSpan.Zero));

        signal.Set();
        Assert.Equal(1, poll.WaitReadable(keys, Timeout.InfiniteTimeSpan));
        Assert.Equal(Key + 1, keys[0]);
        Assert.True(signal.Reset());
        Assert.False(signal.Reset());

        Toucher toucher = Toucher.Reads(range.Memory, 0);
        Assert.Equal(1, poll.WaitReadable(keys, Timeout.InfiniteTimeSpan));
        Assert.Equal(Key, keys[0]);
        poll.Remove(range.Uffd.Handle);
        Assert.Equal(0, poll.WaitReadable(keys, TimeSpan.Zero));
        Assert.True(range.Uffd.ZeroPage(range.Memory.Address, PageSize.Base).IsDone);
        _ = toucher.Value();
    }
}
