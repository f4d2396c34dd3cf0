using Akka.Actor;
using UffdActors.Handling;
using UffdActors.PageSources;

namespace UffdActors.Actors;

/// <summary>
/// The turns in which a page source is asked. Demand and push come through the same mailbox; push keeps one chunk in flight, so a demand
/// waits behind one chunk at the most.
/// </summary>
internal sealed class SourceActor : UntypedActor, IPageReceiver
{
    private readonly IPageSource _source;
    private readonly Dictionary<long, PageRequest> _pending = [];
    private readonly Dictionary<long, PushOrder> _pushes = [];
    private readonly IActorRef _self;
    private object? _asking;
    private long _askedId;
    private bool _answered;
    private long _nextId;

    public SourceActor(IPageSource source)
    {
        _source = source;
        _self = Self;
    }

    public static Props Props(IPageSource source, string dispatcherId) =>
        Akka.Actor.Props.Create<SourceActor>(source).WithDispatcher(dispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PageRequest request:
                Ask(request, request.Region.Id, request.Page, 1, Urgency.Demand, request.Buffer?.Address ?? 0);
                break;
            case PushOrder order:
                Ask(order, order.Region, order.FirstPage, order.Pages, Urgency.Push, order.Buffer);
                break;
            case VmProtocol.SourceAnswer answer:
                OnAnswer(answer);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        if (_asking is { } asking && _askedId == id) Deliver(asking, firstPage, pages, content, address, null);
        else _self.Tell(new VmProtocol.SourceAnswer(id, firstPage, pages, content, address, null), ActorRefs.NoSender);
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason)
    {
        if (_asking is { } asking && _askedId == id) Deliver(asking, 0, 0, SourceContent.Zero, 0, reason);
        else _self.Tell(new VmProtocol.SourceAnswer(id, 0, 0, SourceContent.Zero, 0, reason), ActorRefs.NoSender);
    }

    private void Ask(object asker, int region, long firstPage, int pages, Urgency urgency, nint buffer)
    {
        _askedId = _nextId++;
        _asking = asker;
        _answered = false;
        try
        {
            _source.Request(new PageOrder(_askedId, region, firstPage, pages, urgency, buffer, CancellationToken.None), this);
        }
        catch (Exception e)
        {
            // A source that throws has failed this order and no other.
            Deliver(asker, 0, 0, SourceContent.Zero, 0, e);
        }

        _asking = null;
        if (_answered) return;
        if (asker is PageRequest request) _pending.Add(_askedId, request);
        else _pushes.Add(_askedId, (PushOrder)asker);
    }

    private void OnAnswer(VmProtocol.SourceAnswer answer)
    {
        // Repeated answers find nobody any more.
        if (_pending.Remove(answer.Id, out PageRequest? request))
        {
            Deliver(request, answer.FirstPage, answer.Pages, answer.Content, answer.Address, answer.Failure);
        }
        else if (_pushes.TryGetValue(answer.Id, out PushOrder? order))
        {
            Deliver(order, answer.FirstPage, answer.Pages, answer.Content, answer.Address, answer.Failure);
            if (order.IsAnswered) _ = _pushes.Remove(answer.Id);
        }
    }

    private void Deliver(object asker, long firstPage, int pages, SourceContent content, nint address, Exception? failure)
    {
        if (asker is PageRequest request)
        {
            _answered = true;
            request.Content = content;
            request.Data = address;
            request.Failure = failure;
            request.Handler.Thread.Actor.Tell(request, ActorRefs.NoSender);
            return;
        }

        var order = (PushOrder)asker;
        order.Add(firstPage, pages, content, address, failure);
        if (!order.IsAnswered) return;
        _answered = true;
        order.Asker.Tell(order, ActorRefs.NoSender);
    }
}

/// <summary>A chunk that the background push asks for; answered piece by piece, and told back when it is complete.</summary>
internal sealed class PushOrder(IActorRef asker, int region)
{
    private int _answeredPages;

    /// <summary>Who asks.</summary>
    public IActorRef Asker { get; } = asker;

    /// <summary>Region.</summary>
    public int Region { get; } = region;

    /// <summary>First page.</summary>
    public long FirstPage { get; private set; }

    /// <summary>Pages.</summary>
    public int Pages { get; private set; }

    /// <summary>Native memory for the bytes.</summary>
    public nint Buffer { get; private set; }

    /// <summary>The answer, in pieces of equal content.</summary>
    public List<PushPiece> Pieces { get; } = [];

    /// <summary>Why the source could not answer.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>True once every page has been answered, or the order has failed.</summary>
    public bool IsAnswered => Failure is not null || _answeredPages >= Pages;

    public void Begin(long firstPage, int pages, nint buffer)
    {
        FirstPage = firstPage;
        Pages = pages;
        Buffer = buffer;
        Pieces.Clear();
        Failure = null;
        _answeredPages = 0;
    }

    public void Add(long firstPage, int pages, SourceContent content, nint address, Exception? failure)
    {
        Failure = failure;
        if (failure is not null) return;
        _answeredPages += pages;
        Pieces.Add(new PushPiece(firstPage, pages, content, address));
    }
}

/// <summary>Pages of a chunk with the same kind of content.</summary>
internal readonly record struct PushPiece(long FirstPage, int Pages, SourceContent Content, nint Address);
