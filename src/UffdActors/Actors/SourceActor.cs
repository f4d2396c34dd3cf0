using Akka.Actor;
using UffdActors.Dispatch;
using UffdActors.Handling;
using UffdActors.Model;

namespace UffdActors.Actors;

/// <summary>
/// The turns in which a page source is asked. Demand and push come through the same mailbox. A source that answers at once has one chunk of
/// the push at a time, so a demand waits behind one at the most; another one has several, and an order's urgency tells it which goes first.
/// </summary>
/// <remarks>
/// <para>Answers may be short, late, out of order or repeated. A page is taken once, from the first answer that has it; what comes
/// later is dropped. A page larger than a base page is one order, and there once all of it is. The asker's buffer lives as
/// long as somebody may still write to it: the source knows this receiver, and this receiver the orders that are open.</para>
/// <para>An invalid answer is refused and reported (<see cref="SourceWatch"/>). If no valid one follows within a moment, the order that
/// it was about has failed. An order that is not answered in full for as long as the patience is given again, with another buffer,
/// and again, later and later, for as long as its answer is waited for; whichever is answered first counts, and each keeps its buffer until
/// it has been answered.</para>
/// </remarks>
internal class SourceActor : UntypedActor, IPageReceiver
{
    // For so long a source that has sent an invalid answer may still send a valid one.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(10);

    private const int MostSpareOrders = 4;

    // From then on each is given again twice as late as the one before it: each holds a buffer that the source may write to.
    private const int OrdersWithoutBackoff = 3;
    private const int MostDoublings = 20;

    private readonly IPageSource _source;
    private readonly SourceWatch? _watch;
    private readonly bool _answersAtOnce;
    private readonly RingTime? _time;
    private readonly TimeSpan? _askAgainAfter;
    private readonly Dictionary<long, OpenOrder> _open = [];
    private readonly Stack<OpenOrder> _spare = [];
    private readonly IActorRef _self;
    private readonly CancellationTokenSource _stopped = new();
    private readonly ForeignCall _call = new();
    private readonly string _callName;
    private OpenOrder? _asking;
    private long _askedId;
    private int _askingThread;
    private long _nextId;
    private bool _isSweeping;
    private bool _hasStopped;

    public SourceActor(IPageSource source, SourceWatch? watch, RingTime? time)
    {
        _source = source;
        _watch = watch;
        _answersAtOnce = watch?.AnswersAtOnce ?? source.AnswersAtOnce;
        _time = time;
        _askAgainAfter = time is null ? null : watch?.AsksAgainAfter;
        _self = Self;
        _callName = watch?.RequestName ?? "";
        watch?.Calls?.Add(_call);
    }

    /// <param name="source">The source.</param>
    /// <param name="dispatcherId">Dispatcher of the ring.</param>
    /// <param name="watch">What is known of the source; null to take every answer as it is.</param>
    /// <param name="time">The ring's time.</param>
    public static Props Props(IPageSource source, string dispatcherId, SourceWatch? watch = null, RingTime? time = null) =>
        Akka.Actor.Props.Create<SourceActor>(source, watch, time).WithDispatcher(dispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case IPageAsker asker:
                Ask(asker);
                break;
            case VmProtocol.SourceAnswer answer:
                OnAnswer(answer);
                break;
            case VmProtocol.OrderDue due:
                OnWrongForGood(due.Id);
                break;
            case VmProtocol.Sweep:
                _isSweeping = false;
                Sweep(isAll: false);
                break;
            case VmProtocol.Recover:
                Sweep(isAll: true);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // What has not been answered is not wanted any more.
    protected override void PostStop()
    {
        _hasStopped = true;
        _stopped.Cancel();
        _watch?.Calls?.Remove(_call);
        base.PostStop();
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        if (IsAsking(id)) Deliver(_asking!, firstPage, pages, content, address);
        else if (!IsUnknownInAsking(id)) Take(new VmProtocol.SourceAnswer(id, firstPage, pages, content, address, null, false));
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason)
    {
        if (IsAsking(id)) Fail(_asking!, reason);
        else if (!IsUnknownInAsking(id)) Take(new VmProtocol.SourceAnswer(id, 0, 0, SourceContent.Zero, 0, reason, true));
    }

    // On the thread that runs this actor, and in no turn of it, nothing of it is under way: the answer need not go through the mailbox.
    private void Take(in VmProtocol.SourceAnswer answer)
    {
        if (FaultLoop.Current is { } loop && ReferenceEquals(loop, _time) && _asking is null && !_hasStopped) OnAnswer(answer);
        else _self.Tell(answer, ActorRefs.NoSender);
    }

    // Answers from within the request are taken in its turn; those of other threads come through the mailbox, even while it lasts.
    private bool IsAsking(long id) =>
        _asking is not null && Volatile.Read(ref _askedId) == id && Environment.CurrentManagedThreadId == _askingThread;

    /// <summary>While it is being asked, a source answers an order that never was: it is clear enough which one it means.</summary>
    private bool IsUnknownInAsking(long id)
    {
        if (_asking is null || Environment.CurrentManagedThreadId != _askingThread || (id >= 0 && id < _nextId)) return false;
        if (_watch?.Refuse(WrongAnswer.UnknownOrder, UnknownOrder(id)) is { } wrong && _asking.Asker is not null) OnWrong(_asking, wrong);
        return true;
    }

    private static string UnknownOrder(long id) => $"answered order {id}, and there never was one";

    private void Ask(IPageAsker asker, OpenOrder? earlier = null)
    {
        OrderRange range = asker.Wanted;
        Volatile.Write(ref _askedId, _nextId++);
        _askingThread = Environment.CurrentManagedThreadId;
        OpenOrder order = _spare.TryPop(out OpenOrder? spare) ? spare : new OpenOrder();
        order.Begin(_askedId, asker, range, _askAgainAfter is null ? 0 : _time!.Now, earlier);
        _asking = order;
        _call.Begin(_callName);
        try
        {
            _source.Request(
                new PageOrder(order.Id, range.Region, range.FirstPage, range.Pages, asker.Urgency, range.Buffer, _stopped.Token), this);
        }
        catch (Exception e)
        {
            // A source that throws has failed this order and no other.
            Fail(order, e);
        }

        _call.End();
        _asking = null;
        if (order.Asker is not null && _answersAtOnce)
            End(order,
                order.Wrong
                    ?? _watch?.Refuse(WrongAnswer.TooShort, SourceWatch.TooShort(range))
                        ?? new WrongAnswerException(SourceWatch.TooShort(range)));
        if (order.Asker is null) Spare(order);
        else
        {
            _open.Add(order.Id, order);
            BeginSweeping();
        }
    }

    private void OnAnswer(in VmProtocol.SourceAnswer answer)
    {
        if (!_open.TryGetValue(answer.Id, out OpenOrder? order))
        {
            // Repeated answers, and late ones, find no order any more.
            if (answer.Id < 0 || answer.Id >= _nextId) OnUnknownOrder(answer.Id);
            return;
        }

        bool isWanted = order.Asker is not null;
        order.Left -= Math.Max(0, answer.Pages);
        if (order.Left <= 0 || answer.IsFailure) order.IsClosed = true;
        if (isWanted && answer.IsFailure) Fail(order, answer.Failure);
        else if (isWanted) Deliver(order, answer.FirstPage, answer.Pages, answer.Content, answer.Address);
        if (order.Asker is null) Close(order);
    }

    private void Deliver(OpenOrder order, long firstPage, int pages, SourceContent content, nint address)
    {
        if (order.Asker is not { } asker) return;
        if (_watch?.Check(order.Range, firstPage, pages, content, address) is { } wrong)
        {
            OnWrong(order, wrong);
            return;
        }

        order.Wrong = null;
        if (_askAgainAfter is not null) order.HeardAt = _time!.Now;
        if (asker.TakeAnswer(firstPage, pages, content, address)) End(order, null);
    }

    private void Fail(OpenOrder order, Exception? reason)
    {
        if (order.Asker is null) return;
        End(order,
            reason ?? _watch?.Refuse(WrongAnswer.NoReason, $"reported a failure of {order.Range} without a reason")
                ?? new WrongAnswerException("it failed without a reason"));
    }

    /// <summary>The order is over, well or not: its asker is told.</summary>
    private static void End(OpenOrder order, Exception? failure)
    {
        IPageAsker asker = order.Asker!;
        // Others that were given for the same pages are not wanted any more. The source may still write to their buffers, the asker's own
        // among them.
        for (OpenOrder? one = order.Earlier; one is not null; one = one.Earlier) one.Asker = null;
        for (OpenOrder? one = order.Later; one is not null; one = one.Later)
        {
            if (one.Later is null) one.Lend(isAnswered: true);
            one.Asker = null;
        }

        order.Asker = null;
        asker.Answered(failure);
    }

    private void OnUnknownOrder(long id)
    {
        WrongAnswerException? wrong = _watch?.Refuse(WrongAnswer.UnknownOrder, UnknownOrder(id));
        // Whose it was can be told if there is one only.
        if (wrong is null) return;
        OpenOrder[] wanted = [.. _open.Values.Where(o => o.Asker is not null).Take(2)];
        if (wanted is [var only]) OnWrong(only, wrong);
    }

    private void OnWrong(OpenOrder order, WrongAnswerException wrong)
    {
        if (order.Wrong is null && _time is not null) _time.After(Moment, _self, new VmProtocol.OrderDue(order.Id));
        order.Wrong = wrong;
    }

    /// <summary>Nothing that makes sense has followed an answer that made none.</summary>
    private void OnWrongForGood(long id)
    {
        if (!_open.TryGetValue(id, out OpenOrder? order) || order is not { Asker: not null, Wrong: { } wrong }) return;
        order.Lend();
        End(order, wrong);
    }

    private void BeginSweeping()
    {
        if (_isSweeping || _askAgainAfter is not { } after) return;
        _isSweeping = true;
        _time!.After(after, _self, VmProtocol.Sweep.Instance);
    }

    /// <summary>Gives orders again that have had no answer for too long.</summary>
    /// <param name="isAll">Without waiting for it to be too long.</param>
    private void Sweep(bool isAll)
    {
        if (_askAgainAfter is not { } patience) return;
        long now = _time!.Now;
        bool isAnyLeft = false;
        foreach (OpenOrder order in _open.Values.ToArray())
        {
            if (order.Asker is not { } asker || order.Later is not null || !IsGivenAgain(order.Number)) continue;
            isAnyLeft = true;
            if (!isAll)
            {
                TimeSpan wait = patience * (1 << Math.Clamp(order.Number - OrdersWithoutBackoff, 0, MostDoublings));
                if (now - order.HeardAt < wait.Ticks * TimeSpan.NanosecondsPerTick) continue;
                _ = _watch!.Refuse(WrongAnswer.Silence, SourceWatch.Silence(order.Range, wait, asker.Missing), isRefused: false);
            }

            order.Lend();
            Ask(asker, order);
        }

        if (isAnyLeft) BeginSweeping();
    }

    private void Close(OpenOrder order)
    {
        // One that was given up stays, with its buffer, until the source has said something about it.
        if (order.Lent is not null && !order.IsClosed) return;
        if (_open.Remove(order.Id)) Spare(order);
    }

    private void Spare(OpenOrder order)
    {
        // Orders for the same pages know each other: such ones are left to the collector.
        if (order.Earlier is not null || order.Later is not null) return;
        order.Lent = null;
        if (_spare.Count < MostSpareOrders) _spare.Push(order);
    }

    /// <summary>True if an order without an answer is given again.</summary>
    /// <param name="number">How often its pages have been asked for.</param>
    [MutationPoint("RING S4")]
    internal virtual bool IsGivenAgain(int number) => true;
}
