using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Statistics;
using UffdActors.Tests.Actors;

namespace UffdActors.Tests.Handling;

/// <summary>The monitor's side of a descriptor, without actors (rule R9).</summary>
public sealed class FaultReaderTests
{
    private const long FirstPage = 0x1000;

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
    public void Everything_is_read_before_anything_is_handed_on_and_handlers_hear_of_events_last()
    {
        ScriptedDescriptor descriptor = new(Fault(1), Fault(2), UffdMsg.Remove(AddressOf(0), AddressOf(1)), Fault(3));
        FaultReader reader = Reader(descriptor);
        List<string> order = [];

        reader.Read(new Route(request => order.Add($"page {request.Page}, {descriptor.Unread} unread"), () => order.Add("events")));

        Assert.Equal(["page 1, 0 unread", "page 2, 0 unread", "page 3, 0 unread", "events"], order);
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

    private static ulong AddressOf(long page) => PageSize.AddressOf(FirstPage + page);

    private static UffdMsg Fault(long page) => UffdMsg.Pagefault(FaultFlags.None, AddressOf(page), 0);

    private static FaultReader Reader(IUffdDescriptor descriptor)
    {
        PageRange range = new(FirstPage, FirstPage + 8);
        ServedRegion region = new(0, range, range.Start, ResolveBy.Copy, new PageBitmap(range.Count));
        return new FaultReader(descriptor, [new HandlerSlot(0, new FakeThread())], RegionView.Empty.With(region), new ManualTime(), crashLimit: 5);
    }

    private sealed class Route(Action<PageRequest> hand, Action eventsApplied) : IFaultRoute
    {
        public void Hand(PageRequest request) => hand(request);

        public void EventsApplied() => eventsApplied();
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

        public void Wake(ulong start, ulong end)
        {
        }

        public bool IsRegistered(long page) => true;
    }
}
