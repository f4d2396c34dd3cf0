using System.Diagnostics;
using UffdActors.Model.Memory;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The source of a guest's pages at the destination: those copied before the hand-over, the other process for the rest. Demand uses the
/// urgent lane, the background push the others, in turn.
/// </summary>
/// <remarks>
/// Pages are pulled, so the other side keeps no state: after a lost link the requests that are still open are sent again. A request is open
/// until its last page has been read into the caller's buffer.
/// </remarks>
internal sealed class WireSource(CopiedPages? copied) : IPageSource
{
    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private WireRequest[] _requests = [];
    private Link? _link;
    private int _nextLane;
    private long _demands;
    private long _polledAnswers;
    private long _demandTicks;
    private bool _isDisposed;

    /// <inheritdoc />
    public long Pages => long.MaxValue;

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <summary>Pages requested because a thread waits (QEMU: postcopy-requests).</summary>
    public long Demands => Volatile.Read(ref _demands);

    /// <summary>From request to answer, of all demands together.</summary>
    public TimeSpan DemandTime => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _demandTicks));

    /// <summary>Answers received on the VM's own thread.</summary>
    public long PolledAnswers => Volatile.Read(ref _polledAnswers);

    /// <summary>The same as <see cref="Take"/>, on the thread that reads the guest's faults.</summary>
    public void TakePolled(Lane lane, in FrameHeader header, byte[] runs)
    {
        Take(lane, header, runs);
        Volatile.Write(ref _polledAnswers, _polledAnswers + 1);
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        long end = order.FirstPage + order.Pages;
        for (long page = order.FirstPage; page < end;)
        {
            long next = page;
            if (copied is null) next = end;
            else
            {
                CopiedContent content = copied.Look(order.Region, page, end, out next);
                if (content != CopiedContent.None)
                {
                    Deliver(order, receiver, page, (int)(next - page), content == CopiedContent.Bytes);
                    page = next;
                    continue;
                }
            }

            Ask(order, receiver, page, next);
            page = next;
        }
    }

    /// <summary>Continues over a new link: every open request is sent again. The threads of the old link have ended.</summary>
    public void Use(Link? link)
    {
        lock (_gate)
        {
            _link = link;
            if (link is null) return;
            foreach (WireRequest request in _requests)
            {
                if (request.IsOpen && !TrySend(link, request.Lane, request.Frame)) return;
            }
        }
    }

    /// <summary>Handles a frame of pages; on the lane's reading thread.</summary>
    /// <exception cref="WireException">They were not requested.</exception>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void Take(Lane lane, in FrameHeader header, byte[] runs)
    {
        lane.Read(runs.AsSpan(0, header.Runs * FrameHeader.RunBytes));
        PageRuns.Check(header, runs);
        WireRequest request = Find(lane, header);
        if (header.Region != request.Order.Region || header.FirstPage != request.Next || header.Pages > request.End - request.Next)
            throw new WireException($"{header.Pages} pages from page {header.FirstPage} answer request {header.Id}, which is for others");
        long page = header.FirstPage;
        for (int i = 0; i < header.Runs; i++)
        {
            (int pages, bool hasBytes) = PageRuns.Read(runs.AsSpan(i * FrameHeader.RunBytes));
            if (hasBytes) lane.Read(request.Order.Room(page, pages));
            page += pages;
        }

        // The whole frame has come: losing the link does not affect it any more.
        PageOrder order = request.Order;
        IPageReceiver receiver = request.Receiver;
        request.Next = page;
        if (page == request.End)
        {
            if (request.AskedAt is not 0 and var asked) _ = Interlocked.Add(ref _demandTicks, Stopwatch.GetTimestamp() - asked);
            Close(request);
        }

        page = header.FirstPage;
        for (int i = 0; i < header.Runs; i++)
        {
            (int pages, bool hasBytes) = PageRuns.Read(runs.AsSpan(i * FrameHeader.RunBytes));
            Hand(order, receiver, page, pages, hasBytes);
            page += pages;
        }
    }

    /// <summary>The other side cannot read the pages of a request.</summary>
    /// <exception cref="WireException">It was not requested.</exception>
    public void TakeLoss(Lane lane, in FrameHeader header, string why)
    {
        WireRequest request = Find(lane, header);
        (PageOrder order, IPageReceiver receiver) = (request.Order, request.Receiver);
        Close(request);
        receiver.Failed(order.Id, new PageLostException($"the source cannot read it: {why}"));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _link = null;
        }
    }

    private void Deliver(in PageOrder order, IPageReceiver receiver, long page, int pages, bool hasBytes)
    {
        if (hasBytes) copied!.Read(order.Region, page, order.Room(page, pages));
        Hand(order, receiver, page, pages, hasBytes);
    }

    private static void Hand(in PageOrder order, IPageReceiver receiver, long page, int pages, bool hasBytes) => receiver.Received(
        order.Id, page, pages, hasBytes ? SourceContent.Bytes : SourceContent.Zero,
        hasBytes ? order.Buffer + (nint)((page - order.FirstPage) << PageSize.BaseShift) : 0);

    // Sent outside the lock: a send may take long, and readers of answers take the lock. If the link ends meanwhile, the send fails, and
    // the request is sent again over the next link, like every open one.
    private void Ask(in PageOrder order, IPageReceiver receiver, long page, long end)
    {
        Link? link;
        int lane;
        FrameHeader frame;
        lock (_gate)
        {
            if (_isDisposed) return;
            if (!_free.TryPop(out int place)) place = Grow();
            bool isDemand = order.Urgency == Urgency.Demand;
            if (isDemand) Volatile.Write(ref _demands, _demands + 1);
            lane = isDemand ? 0 : 1 + (_nextLane = (_nextLane + 1) & 0xffff);
            WireRequest request = _requests[place];
            request.Begin(place, order, receiver, page, end, lane);
            request.AskedAt = isDemand ? Stopwatch.GetTimestamp() : 0;
            frame = request.Frame;
            link = _link;
        }

        // Without a link it stays open until there is one.
        if (link is not null) _ = TrySend(link, lane, frame);
    }

    // A lane that fails ends its link; open requests are sent again over the next one.
    private static bool TrySend(Link link, int lane, in FrameHeader frame)
    {
        try
        {
            link.LaneOf(lane).Send(frame);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private WireRequest Find(Lane lane, in FrameHeader header)
    {
        lock (_gate)
        {
            uint place = (uint)header.Id;
            if (place < _requests.Length && _requests[place] is { IsOpen: true } request && request.Id == header.Id
                && _link?.LaneOf(request.Lane) == lane) return request;
        }

        throw new WireException($"an answer to request {header.Id}, which is not open on lane {lane.Number}");
    }

    private void Close(WireRequest request)
    {
        lock (_gate)
        {
            request.Close();
            _free.Push((int)(uint)request.Id);
        }
    }

    private int Grow()
    {
        int place = _requests.Length;
        Array.Resize(ref _requests, Math.Max(16, place * 2));
        for (int i = place; i < _requests.Length; i++) _requests[i] = new WireRequest();
        for (int i = _requests.Length - 1; i > place; i--) _free.Push(i);
        return place;
    }
}
