using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Tests.Actors;

namespace UffdActors.Tests.Handling;

/// <summary>The monitor's side of a descriptor, without actors (RING R9).</summary>
public sealed class FaultReaderTests
{
    private const long FirstPage = 0x1000;
    private const ulong HugeBase = 0x4000_0000;

    [Fact]
    public void A_fault_is_handed_on_only_after_the_events_behind_it_have_been_applied()
    {
        ScriptedDescriptor descriptor = new(Fault(2), UffdMsg.Remove(AddressOf(0), AddressOf(4)));
        FaultReader reader = Reader(descriptor);
        List<bool> removedWhenHanded = [];

        reader.Read(new Route(request => removedWhenHanded.Add(reader.View.IsRemoved(FirstPage + request.Page)), () => { }));

        Assert.Equal([true], removedWhenHanded);
    }

    [Fact]
    public void Everything_is_read_before_anything_is_handed_on_and_what_was_unmapped_is_told_last()
    {
        ScriptedDescriptor descriptor = new(Fault(1), Fault(2), UffdMsg.Unmap(AddressOf(0), AddressOf(1)), Fault(3));
        FaultReader reader = Reader(descriptor);
        List<string> order = [];

        reader.Read(new Route(request => order.Add($"page {request.Page}, {descriptor.Unread} unread"), () => order.Add("parts unmapped")));

        Assert.Equal(["page 1, 0 unread", "page 2, 0 unread", "page 3, 0 unread", "parts unmapped"], order);
    }

    // mremap queues its events when it has given up the lock of the address space. Linux 6.18.44 was asked for each of these three orders,
    // by a target that is registered too (its UNMAP comes first, and mremap waits until it has been read): UNMAP B, REMOVE B, REMAP A B,
    // UNMAP A; UNMAP B, REMAP B C, REMAP A B, UNMAP B, UNMAP A; and REMAP A C, REMAP C A, UNMAP A, UNMAP C.
    [Fact]
    public void What_was_removed_at_its_new_place_before_the_move_was_read_stays_removed()
    {
        FaultReader reader = AfterReading(
            UffdMsg.Remove(AddressOf(100), AddressOf(103)), UffdMsg.Remap(AddressOf(2), AddressOf(102), 2 * PageSize.Base),
            UffdMsg.Unmap(AddressOf(2), AddressOf(4)));

        Assert.True(reader.View.IsRemoved(FirstPage + 102));
        Assert.False(reader.View.IsRemoved(FirstPage + 103));
        Assert.True(reader.View.Regions.All(r => r.Pages.IsRemoved(2) && !r.Pages.IsRemoved(0)));
    }

    [Fact]
    public void What_moved_on_before_its_first_move_was_read_is_found_where_it_is()
    {
        FaultReader reader = AfterReading(
            UffdMsg.Remap(AddressOf(101), AddressOf(201), PageSize.Base),
            UffdMsg.Remove(AddressOf(201), AddressOf(202)),
            UffdMsg.Remap(AddressOf(0), AddressOf(100), 4 * PageSize.Base),
            UffdMsg.Unmap(AddressOf(101), AddressOf(102)),
            UffdMsg.Unmap(AddressOf(0), AddressOf(4)));

        Assert.Equal([0, null, 2, 3], Enumerable.Range(100, 4).Select(PageAt));
        Assert.Equal(1, PageAt(201));
        Assert.True(reader.View.IsRemoved(FirstPage + 201));

        long? PageAt(int page) => reader.View.Find(FirstPage + page)?.PageOf(FirstPage + page);
    }

    [Fact]
    public void What_moved_back_before_its_old_place_was_reported_unmapped_is_still_served()
    {
        FaultReader reader = AfterReading(
            UffdMsg.Remap(AddressOf(2), AddressOf(100), PageSize.Base),
            UffdMsg.Remap(AddressOf(100), AddressOf(2), PageSize.Base),
            UffdMsg.Unmap(AddressOf(2), AddressOf(3)),
            UffdMsg.Unmap(AddressOf(100), AddressOf(101)));

        Assert.Equal(2, reader.View.Find(FirstPage + 2)?.PageOf(FirstPage + 2));
        Assert.Null(reader.View.Find(FirstPage + 100));
    }

    [Fact]
    public void A_second_unmap_of_an_old_place_is_about_what_is_there_now()
    {
        FaultReader reader = AfterReading(
            UffdMsg.Remap(AddressOf(2), AddressOf(100), PageSize.Base),
            UffdMsg.Unmap(AddressOf(2), AddressOf(3)),
            UffdMsg.Remap(AddressOf(5), AddressOf(2), PageSize.Base),
            UffdMsg.Unmap(AddressOf(5), AddressOf(6)),
            UffdMsg.Unmap(AddressOf(2), AddressOf(3)));

        Assert.Null(reader.View.Find(FirstPage + 2));
        Assert.Equal(2, reader.View.Find(FirstPage + 100)?.PageOf(FirstPage + 100));
    }

    [Fact]
    public void What_was_removed_of_a_place_means_nothing_to_who_comes_after_it_was_unmapped_or_to_a_new_region()
    {
        FaultReader reader = AfterReading(
            UffdMsg.Remove(AddressOf(100), AddressOf(104)),
            UffdMsg.Unmap(AddressOf(101), AddressOf(102)),
            UffdMsg.Remap(AddressOf(0), AddressOf(100), 2 * PageSize.Base));
        PageRange range = new(FirstPage + 102, FirstPage + 104);
        reader.Add(new ServedRegion(1, range, range.Start, ResolveBy.Copy, new RegionPages(range.Count)));

        Assert.Equal([true, false, false, false], Enumerable.Range(100, 4).Select(page => reader.View.IsRemoved(FirstPage + page)));
    }

    private static FaultReader AfterReading(params UffdMsg[] events)
    {
        FaultReader reader = Reader(new ScriptedDescriptor(events));
        reader.Read(new Route(_ => { }, () => { }));
        return reader;
    }

    [Fact]
    public void A_remove_event_allocates_nothing_once_one_has_been_read()
    {
        ScriptedDescriptor descriptor = new();
        FaultReader reader = Reader(descriptor);
        Route route = new(_ => { }, () => { });
        Read(0);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int page = 2; page < 8; page += 2) Read(page);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(4, reader.Counters.Events);
        Assert.True(reader.View.IsRemoved(FirstPage + 6));

        void Read(long page)
        {
            descriptor.Add(UffdMsg.Remove(AddressOf(page), AddressOf(page + 1)));
            reader.Read(route);
        }
    }

    [Fact]
    public void A_page_has_one_request_whatever_number_of_threads_wait_for_it()
    {
        FaultReader reader = Reader(new ScriptedDescriptor(Fault(1), Fault(1), Fault(2), Fault(1)));
        List<long> handed = [];

        reader.Read(new Route(request => handed.Add(request.Page), () => { }));

        Assert.Equal([1, 2], handed);
        Assert.Equal((2, 2, 4), (reader.Outstanding, reader.Counters.Merged, reader.Counters.Faults));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, 7)]
    public void A_thread_that_faults_while_a_fill_is_under_way_is_woken_when_it_has_ended_for_it_may_have_come_too_late_for_the_fills_own(
        bool comesDuringFill, uint thread)
    {
        ScriptedDescriptor descriptor = new(UffdMsg.Pagefault(FaultFlags.Write, AddressOf(1), thread));
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        reader.Read(new Route(handed.Add, () => { }));
        if (comesDuringFill) handed[0].Phase = RequestPhase.Filling;
        // The same thread as before, too: it is a new wait.
        descriptor.Add(UffdMsg.Pagefault(FaultFlags.Write | FaultFlags.Wp, AddressOf(1), thread));
        reader.Read(new Route(handed.Add, () => { }));

        reader.Completed(Assert.Single(handed));

        Assert.Equal(comesDuringFill ? [(AddressOf(1), AddressOf(2))] : [], descriptor.Woken);
    }

    [Fact]
    public void A_thread_that_raises_its_fault_again_is_no_second_fault_and_another_thread_is_one()
    {
        FaultReader reader =
            Reader(new ScriptedDescriptor(Of(7, 1), Of(7, 1), Of(8, 1), Of(8, 1), Of(7, 1), Of(7, 2), Of(8, 2), Of(8, 2), Of(8, 1)));
        List<long> handed = [];

        reader.Read(new Route(request => handed.Add(request.Page), () => { }));

        // The last but one message of thread 8 is about the page that it waits for; its last one is about another, for which it does not.
        Assert.Equal([1, 2], handed);
        Assert.Equal((5, 3, 4), (reader.Counters.Faults, reader.Counters.Merged, reader.Counters.Repeated));
    }

    [Fact]
    public void A_fault_that_is_raised_again_just_when_its_page_comes_is_no_second_fault_and_is_not_asked_for_again()
    {
        ScriptedDescriptor descriptor = new(Of(7, 1), Of(8, 1), Of(9, 2));
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        Route route = new(handed.Add, () => { });
        reader.Read(route);
        reader.Completed(handed[0]);

        descriptor.Add(Of(7, 1), Of(8, 1));
        reader.Read(route);

        Assert.Equal((3, 2), (reader.Counters.Faults, reader.Counters.Repeated));
        Assert.Equal([(AddressOf(1), AddressOf(2)), (AddressOf(1), AddressOf(2))], descriptor.Woken);
        Assert.Equal([1, 2], handed.Select(r => r.Page));

        // Woken they have not found the page: it was taken away, and no event told of it.
        descriptor.Add(Of(8, 1), Of(7, 1), Of(7, 1));
        reader.Read(route);
        Assert.Equal((5, 3), (reader.Counters.Faults, reader.Counters.Repeated));
        Assert.Equal([1, 2, 1], handed.Select(r => r.Page));
        Assert.Equal(2, descriptor.Woken.Count);
    }

    [Fact]
    public void A_fault_that_is_raised_again_just_when_its_page_is_found_to_be_there_already_is_no_second_fault()
    {
        ScriptedDescriptor descriptor = new(Of(7, 1));
        FaultReader reader = Reader(descriptor);
        List<int> streaks = [];
        PageRequest? request = null;
        Route route = new(handed => streaks.Add((request = handed).Streak), () => { });
        reader.Read(route);
        request!.Error = Errno.EEXIST;
        reader.Dismiss(request);

        descriptor.Add(Of(7, 1));
        reader.Read(route);

        Assert.Equal((1, 1), (reader.Counters.Faults, reader.Counters.Repeated));
        Assert.Equal([(AddressOf(1), AddressOf(2)), (AddressOf(1), AddressOf(2))], descriptor.Woken);

        // It has looked, and the page is not there: the pool of huge pages may be empty. From then on every fault is one.
        for (int i = 0; i < 2; i++)
        {
            descriptor.Add(Of(7, 1));
            reader.Read(route);
            request.Error = Errno.EEXIST;
            reader.Dismiss(request);
        }

        descriptor.Add(Of(7, 1));
        reader.Read(route);
        Assert.Equal([0, 1, 2, 3], streaks);
        Assert.Equal((4, 1), (reader.Counters.Faults, reader.Counters.Repeated));
    }

    /// <summary>A module that finds no page where the fault says that there is one is asked as often as the fault comes.</summary>
    [Theory]
    [InlineData(FillKind.Continue)]
    [InlineData(FillKind.Copy)]
    internal void A_fault_that_comes_again_because_its_fill_gives_EFAULT_is_counted(FillKind kind)
    {
        ScriptedDescriptor descriptor = new(Of(7, 1));
        FaultReader reader = Reader(descriptor);
        List<int> streaks = [];
        PageRequest? request = null;
        Route route = new(handed => streaks.Add((request = handed).Streak), () => { });
        for (int i = 0; i < 3; i++)
        {
            reader.Read(route);
            request!.Fill.Begin(kind, request.Address, PageSize.Base, FillSource.Zero, FillModes.None);
            request.Error = Errno.EFAULT;
            reader.Dismiss(request);
            descriptor.Add(Of(7, 1));
        }

        Assert.Equal([0, 1, 2], streaks);
    }

    [Fact]
    public void Another_thread_and_another_access_are_faults_though_the_page_has_just_come()
    {
        ScriptedDescriptor descriptor = new(Of(7, 1));
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        Route route = new(handed.Add, () => { });
        reader.Read(route);
        reader.Completed(handed[0]);

        descriptor.Add(Of(9, 1), UffdMsg.Pagefault(FaultFlags.Write | FaultFlags.Wp, AddressOf(3), 7), Of(7, 2), Of(0, 4));
        reader.Read(route);

        Assert.Equal((5, 0), (reader.Counters.Faults, reader.Counters.Repeated));
        Assert.Equal([1, 1, 3, 2, 4], handed.Select(r => r.Page));
        Assert.Empty(descriptor.Woken);
    }

    [Fact]
    public void A_thread_that_nobody_names_is_always_another_one()
    {
        FaultReader reader = Reader(new ScriptedDescriptor(Of(0, 1), Of(0, 1), Of(0, 1)));

        reader.Read(new Route(_ => { }, () => { }));

        Assert.Equal((3, 2, 0), (reader.Counters.Faults, reader.Counters.Merged, reader.Counters.Repeated));
    }

    [Fact]
    public void When_the_last_request_is_served_the_kernel_is_asked_once_more_before_anybody_sleeps()
    {
        UnpolledDescriptor descriptor = new();
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        descriptor.Unpolled.Enqueue(Fault(1));
        descriptor.Unpolled.Enqueue(Fault(2));
        descriptor.Look();
        reader.Read(new Route(handed.Add, () => { }));
        descriptor.Unpolled.Enqueue(Fault(3));

        reader.Completed(handed[0]);
        Assert.False(descriptor.HasMessages);
        reader.Completed(handed[1]);
        Assert.True(descriptor.HasMessages);
    }

    [Fact]
    public void In_a_region_of_larger_pages_faults_anywhere_in_a_page_meet_in_one_request_and_all_of_it_is_woken()
    {
        ScriptedDescriptor descriptor = new(At(0x123), At(PageSize.Huge + 0x5678), At(0x1F_F000), At(5));
        FaultReader reader = HugeReader(descriptor, handlers: 1);
        List<PageRequest> handed = [];

        reader.Read(new Route(handed.Add, () => { }));

        Assert.Equal([(0L, 512, HugeBase + 0), (512L, 512, HugeBase + PageSize.Huge)], handed.Select(r => (r.Page, r.Pages, r.Address)));
        Assert.Equal(2, reader.Counters.Merged);
        reader.Dismiss(handed[1]);
        Assert.Equal([(HugeBase + PageSize.Huge, HugeBase + (2ul * PageSize.Huge))], descriptor.Woken);
        reader.Completed(handed[0]);
        Assert.Equal(512, reader.View.Regions[0].Received.Count);
        Assert.Equal(512, reader.View.Regions[0].Received.NextClear(0));
    }

    [Fact]
    public void Larger_pages_are_shared_among_the_handlers_too()
    {
        FaultReader reader =
            HugeReader(new ScriptedDescriptor([.. Enumerable.Range(0, 64).Select(n => At((ulong)n * PageSize.Huge))]), handlers: 4);
        int[] pages = new int[4];

        reader.Read(new Route(request => pages[request.Handler.Number]++, () => { }));

        Assert.All(pages, n => Assert.InRange(n, 8, 32));
    }

    [Fact]
    public void Requests_of_two_page_sizes_are_used_again_each_for_its_own()
    {
        ScriptedDescriptor descriptor = new(At(0), Fault(1));
        FaultReader reader = HugeReader(descriptor, handlers: 1);
        PageRange small = new(FirstPage, FirstPage + 8);
        reader.Add(new ServedRegion(1, small, small.Start, ResolveBy.Copy, new RegionPages(small.Count)));
        List<PageRequest> handed = [];
        reader.Read(new Route(handed.Add, () => { }));
        foreach (PageRequest request in handed) reader.Completed(request);

        descriptor.Add(Fault(2), At(PageSize.Huge));
        reader.Read(new Route(handed.Add, () => { }));

        Assert.Equal([512, 1, 1, 512], handed.Select(r => r.Pages));
        Assert.Same(handed[0], handed[3]);
        Assert.Same(handed[1], handed[2]);
    }

    [Theory]
    [InlineData(UffdEvent.Unmap)]
    [InlineData(UffdEvent.Remap)]
    [InlineData(UffdEvent.Remove)]
    public void What_has_paused_does_not_outlive_its_range_and_who_faults_there_later_is_somebody_else(UffdEvent what)
    {
        ScriptedDescriptor descriptor = new(Fault(1), Fault(6));
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        reader.Read(new Route(handed.Add, () => { }));
        foreach (PageRequest request in handed) request.Phase = RequestPhase.Paused;

        descriptor.Add(what switch
        {
            UffdEvent.Unmap => UffdMsg.Unmap(AddressOf(0), AddressOf(4)),
            UffdEvent.Remap => UffdMsg.Remap(AddressOf(0), AddressOf(100), 4 * PageSize.Base),
            _ => UffdMsg.Remove(AddressOf(0), AddressOf(4)),
        });
        reader.Read(new Route(handed.Add, () => { }));
        bool isGone = what != UffdEvent.Remove;
        Assert.Equal(isGone ? 1 : 2, reader.Outstanding);
        if (!isGone) return;

        PageRange again = new(FirstPage, FirstPage + 4);
        reader.Add(new ServedRegion(1, again, again.Start, ResolveBy.Copy, new RegionPages(again.Count)));
        descriptor.Add(Fault(1));
        reader.Read(new Route(handed.Add, () => { }));
        Assert.Equal((3, 1), (handed.Count, handed[2].Region.Id));
    }

    [Fact]
    public void A_page_that_is_waited_for_at_two_places_is_two_that_wait()
    {
        ScriptedDescriptor descriptor = new(Fault(1), UffdMsg.Remap(AddressOf(0), AddressOf(100), 4 * PageSize.Base));
        FaultReader reader = Reader(descriptor);
        List<PageRequest> handed = [];
        reader.Read(new Route(handed.Add, () => { }));
        descriptor.Add(Fault(101));
        reader.Read(new Route(handed.Add, () => { }));

        Assert.Equal([1L, 1L], handed.Select(r => r.Page));
        Assert.NotEqual(Waiter.Of(handed[0]), Waiter.Of(handed[1]));
        Assert.True(reader.IsServed(Waiter.Of(handed[1])) && !reader.IsServed(Waiter.Of(handed[0])));
    }

    private static UffdMsg At(ulong offset) => UffdMsg.Pagefault(FaultFlags.None, HugeBase + offset, 0);

    private static FaultReader HugeReader(IUffdDescriptor descriptor, int handlers)
    {
        PageRange range = PageRange.OfBytes(HugeBase, 64ul * PageSize.Huge);
        ServedRegion region = new(0, range, range.Start, ResolveBy.Copy, new RegionPages(range.Count), PageShift: PageSize.HugeShift);
        HandlerSlot[] slots = [.. Enumerable.Range(0, handlers).Select(n => new HandlerSlot(n, new FakeThread()))];
        return new FaultReader(descriptor, slots, RegionView.Empty.With(region), new ManualTime(), crashLimit: 5);
    }

    private static ulong AddressOf(long page) => PageSize.AddressOf(FirstPage + page);

    private static UffdMsg Of(uint thread, long page) => UffdMsg.Pagefault(FaultFlags.None, AddressOf(page), thread);

    private static UffdMsg Fault(long page) => UffdMsg.Pagefault(FaultFlags.None, AddressOf(page), 0);

    private static FaultReader Reader(IUffdDescriptor descriptor)
    {
        PageRange range = new(FirstPage, FirstPage + 8);
        ServedRegion region = new(0, range, range.Start, ResolveBy.Copy, new RegionPages(range.Count));
        return new FaultReader(
            descriptor, [new HandlerSlot(0, new FakeThread())], RegionView.Empty.With(region), new ManualTime(), crashLimit: 5);
    }

    private sealed class Route(Action<PageRequest> hand, Action partsUnmapped) : IFaultRoute
    {
        public void Hand(PageRequest request) => hand(request);

        public void PartsUnmapped() => partsUnmapped();

        public List<(ulong Address, TimeSpan Delay)> Held { get; } = [];

        public List<ulong> LeftAsleep { get; } = [];

        void IFaultRoute.Hold(ulong address, TimeSpan delay) => Held.Add((address, delay));

        void IFaultRoute.LeftAsleep(ulong address, uint thread) => LeftAsleep.Add(address);

        void IFaultRoute.Forked()
        {
        }
    }

    /// <summary>Gives out messages in the order in which they are written down.</summary>
    private sealed class ScriptedDescriptor(params UffdMsg[] messages) : IUffdDescriptor
    {
        private readonly Queue<UffdMsg> _messages = new(messages);

        public int Unread => _messages.Count;

        public bool HasMessages => _messages.Count > 0;

        public bool TryRead(out UffdMsg message, out FaultTrace? trace)
        {
            trace = null;
            return _messages.TryDequeue(out message);
        }

        public List<(ulong Start, ulong End)> Woken { get; } = [];

        public void Add(params ReadOnlySpan<UffdMsg> later)
        {
            foreach (UffdMsg message in later) _messages.Enqueue(message);
        }

        public void Wake(ulong start, ulong end) => Woken.Add((start, end));

        public bool IsRegistered(long page) => true;
    }
}
