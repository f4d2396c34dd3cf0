using System.Collections;
using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.PageSources;

namespace UffdActors.Actors;

/// <summary>
/// The turns in which a page source is asked. Demand and push come through the same mailbox; push keeps one chunk in flight, so a demand
/// waits behind one chunk at the most.
/// </summary>
/// <remarks>
/// Answers may be short, late, out of order or repeated. A page is taken once, from the first answer that has it; what is about no page that
/// was asked for, or comes when nobody waits any more, is dropped. A page larger than a base page is one order, and there once all of it is. The asker's buffer lives as long as somebody may still write to it: the
/// source knows this receiver, and this receiver the orders that are unanswered.
/// </remarks>
internal sealed class SourceActor : UntypedActor, IPageReceiver
{
    private readonly IPageSource _source;
    private readonly Dictionary<long, PageRequest> _pending = [];
    private readonly Dictionary<long, PushOrder> _pushes = [];
    private readonly IActorRef _self;
    private readonly CancellationTokenSource _stopped = new();
    private object? _asking;
    private long _askedId;
    private int _askingThread;
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
                Ask(request, request.Region.Id, request.Page, request.Pages, Urgency.Demand, request.BufferAddress);
                break;
            case PushOrder order:
                Ask(order, order.Region, order.FirstPage, order.Pages, Urgency.Push, order.Buffer.Address);
                break;
            case VmProtocol.SourceAnswer answer:
                OnAnswer(answer);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // What has not been answered is not wanted any more.
    protected override void PostStop()
    {
        _stopped.Cancel();
        base.PostStop();
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        if (IsAsking(id)) Deliver(_asking!, firstPage, pages, content, address, null);
        else _self.Tell(new VmProtocol.SourceAnswer(id, firstPage, pages, content, address, null), ActorRefs.NoSender);
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason)
    {
        if (IsAsking(id)) Deliver(_asking!, 0, 0, SourceContent.Zero, 0, reason);
        else _self.Tell(new VmProtocol.SourceAnswer(id, 0, 0, SourceContent.Zero, 0, reason), ActorRefs.NoSender);
    }

    // Answers from within the request are taken in its turn; those of other threads come through the mailbox, even while it lasts.
    private bool IsAsking(long id) => _asking is not null && Volatile.Read(ref _askedId) == id && Environment.CurrentManagedThreadId == _askingThread;

    private void Ask(object asker, int region, long firstPage, int pages, Urgency urgency, nint buffer)
    {
        Volatile.Write(ref _askedId, _nextId++);
        _askingThread = Environment.CurrentManagedThreadId;
        _asking = asker;
        _answered = false;
        try
        {
            _source.Request(new PageOrder(_askedId, region, firstPage, pages, urgency, buffer, _stopped.Token), this);
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
        if (_pending.TryGetValue(answer.Id, out PageRequest? request))
        {
            _answered = false;
            Deliver(request, answer.FirstPage, answer.Pages, answer.Content, answer.Address, answer.Failure);
            if (_answered) _ = _pending.Remove(answer.Id);
        }
        else if (_pushes.TryGetValue(answer.Id, out PushOrder? order))
        {
            _answered = false;
            Deliver(order, answer.FirstPage, answer.Pages, answer.Content, answer.Address, answer.Failure);
            if (order.IsAnswered) _ = _pushes.Remove(answer.Id);
        }
    }

    private void Deliver(object asker, long firstPage, int pages, SourceContent content, nint address, Exception? failure)
    {
        if (asker is PageRequest request)
        {
            if (_answered || (failure is null && !request.TakeAnswer(firstPage, pages, content, address))) return;
            _answered = true;
            request.Failure = failure;
            request.Handler.Thread.Actor.Tell(request, ActorRefs.NoSender);
            return;
        }

        var order = (PushOrder)asker;
        if (_answered) return;
        order.Add(firstPage, pages, content, address, failure);
        if (!order.IsAnswered) return;
        _answered = true;
        order.Asker.Tell(order, ActorRefs.NoSender);
    }
}

/// <summary>A chunk that the background push asks for; answered piece by piece, and told back when it is complete.</summary>
internal sealed class PushOrder(IActorRef asker, int region, NativeBuffer buffer)
{
    // Of the pages asked for, those that have come.
    private readonly BitArray _come = new(checked((int)(buffer.Bytes >> PageSize.BaseShift)));
    private int _missing;

    /// <summary>Who asks.</summary>
    public IActorRef Asker { get; } = asker;

    /// <summary>Region.</summary>
    public int Region { get; } = region;

    /// <summary>First page.</summary>
    public long FirstPage { get; private set; }

    /// <summary>Pages.</summary>
    public int Pages { get; private set; }

    /// <summary>Native memory for the bytes; goes with the last who knows of it, the source among them.</summary>
    public NativeBuffer Buffer { get; } = buffer;

    /// <summary>The answer, in pieces of equal content.</summary>
    public List<PushPiece> Pieces { get; } = [];

    /// <summary>Why the source could not answer.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>True once every page has been answered, or the order has failed.</summary>
    public bool IsAnswered => Failure is not null || _missing == 0;

    public void Begin(long firstPage, int pages)
    {
        FirstPage = firstPage;
        Pages = pages;
        Pieces.Clear();
        Failure = null;
        _come.SetAll(false);
        _missing = pages;
    }

    public void Add(long firstPage, int pages, SourceContent content, nint address, Exception? failure)
    {
        Failure = failure;
        if (failure is not null) return;
        // Page by page what is asked for and has not come yet, in pieces that are as long as they can be.
        for (int i = 0; i < pages;)
        {
            int run = 0;
            while (i + run < pages && TakeMissing(firstPage + i + run)) run++;
            if (run > 0) Pieces.Add(new PushPiece(firstPage + i, run, content, content == SourceContent.Bytes ? address + ((nint)i << PageSize.BaseShift) : address));
            i += Math.Max(run, 1);
        }
    }

    private bool TakeMissing(long page)
    {
        long at = page - FirstPage;
        if (at < 0 || at >= Pages || _come[(int)at]) return false;
        _come[(int)at] = true;
        _missing--;
        return true;
    }
}

/// <summary>Pages of a chunk with the same kind of content.</summary>
internal readonly record struct PushPiece(long FirstPage, int Pages, SourceContent Content, nint Address);
