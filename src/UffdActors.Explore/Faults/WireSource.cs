using Akka.Actor;
using UffdActors.Dispatch;
using UffdActors.Explore.Worlds;

namespace UffdActors.Explore.Faults;

/// <summary>
/// The page source of an explored world, and the wire to it. Answers at once where it is asked directly; behind an actor, answers take a
/// message of their own, and can come late, twice, in pieces, behind others, or never, as the run's faults say.
/// </summary>
internal sealed class WireSource(RingTime time, FaultPlan faults, PageContent content, bool answersAtOnce) : IPageSource
{
    private static readonly TimeSpan Late = TimeSpan.FromMicroseconds(500);
    internal static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(2);

    /// <summary>The actor whose turns the answers come in.</summary>
    public IActorRef Wire { get; set; } = ActorRefs.Nobody;

    /// <summary>Called for an order of which somebody else fills a part.</summary>
    public Action<PageOrder>? Overtaken { get; set; }

    /// <inheritdoc />
    public long Pages => long.MaxValue;

    /// <inheritdoc />
    public bool AnswersAtOnce => answersAtOnce;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        if (faults.Hits(FaultPoint.SourceFail))
        {
            receiver.Failed(order.Id, new IOException("the page source cannot answer now"));
            return;
        }

        if (faults.Hits(FaultPoint.SourceThrow)) throw new IOException("the page source has a bug");
        if (order.Pages > content.UnitPages && faults.Hits(FaultPoint.FillShort)) Overtaken?.Invoke(order);
        WireAnswer answer = new(order, receiver, content, Fails: false) { Wrong = WrongOf() };
        if (answersAtOnce)
        {
            answer.Deliver(inPieces: false);
            return;
        }

        if (faults.Hits(FaultPoint.SourceSilent)) return;
        if (faults.Hits(FaultPoint.WireDrop))
        {
            time.After(Deadline, Wire, answer with { Fails = true });
            return;
        }

        if (faults.Hits(FaultPoint.WireDelay)) time.After(Late, Wire, answer);
        else if (faults.Hits(FaultPoint.WireReorder)) Wire.Tell(new WireHold(answer), ActorRefs.NoSender);
        else Wire.Tell(answer, ActorRefs.NoSender);
        if (faults.Hits(FaultPoint.WireDuplicate)) Wire.Tell(answer, ActorRefs.NoSender);
    }

    private FaultPoint? WrongOf()
    {
        foreach (FaultPoint point in FaultPoints.WrongAnswers)
        {
            if (faults.Hits(point)) return point;
        }

        return null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }
}

/// <summary>An answer on the wire.</summary>
internal sealed record WireAnswer(PageOrder Order, IPageReceiver Receiver, PageContent Content, bool Fails)
    : INoSerializationVerificationNeeded
{
    private const long NoOrder = -7;

    /// <summary>In which way it makes no sense; null if it is right.</summary>
    public FaultPoint? Wrong { get; init; }

    /// <summary>Gives the answer to whoever asked.</summary>
    /// <param name="inPieces">Page by page, not all at once.</param>
    public void Deliver(bool inPieces)
    {
        if (Fails)
        {
            Receiver.Failed(Order.Id, new IOException("the answer was lost"));
            return;
        }

        switch (Wrong)
        {
            case FaultPoint.SourceOtherPage:
                Receiver.Received(Order.Id, Order.FirstPage + Order.Pages, 1, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceUnknownOrder:
                Receiver.Received(NoOrder, Order.FirstPage, Order.Pages, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceNoPages:
                Receiver.Received(Order.Id, Order.FirstPage, -1, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceNoReason:
                Receiver.Failed(Order.Id, null!);
                return;
        }

        int pages = 0;
        for (int i = 0; i < Order.Pages; i += pages)
        {
            (SourceContent kind, nint address) = AnswerFor(i);
            pages = 1;
            // Pages of the same kind lie one behind the other.
            while (!inPieces && i + pages < Order.Pages && AnswerFor(i + pages).Content == kind) pages++;
            Receiver.Received(Order.Id, Order.FirstPage + i, pages, kind, address);
        }
    }

    private (SourceContent Content, nint Address) AnswerFor(int page) => Content.Answer(Order.Region, Order.FirstPage + page);
}

/// <summary>An answer that waits for another one to overtake it.</summary>
internal sealed record WireHold(WireAnswer Answer) : INoSerializationVerificationNeeded;

/// <summary>The wire between the page source and those who ask it.</summary>
internal sealed class WireActor(RingTime time, FaultPlan faults) : UntypedActor
{
    private static readonly TimeSpan Patience = TimeSpan.FromMicroseconds(200);
    private WireAnswer? _held;

    public static Props Props(RingTime time, FaultPlan faults, string dispatcher) =>
        Akka.Actor.Props.Create<WireActor>(time, faults).WithDispatcher(dispatcher);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case WireHold hold when _held is null:
                _held = hold.Answer;
                // Nothing else may ever come.
                time.After(Patience, Self, Overdue.Instance);
                break;
            case WireHold second:
                second.Answer.Deliver(inPieces: false);
                LetGo();
                break;
            case Overdue:
                LetGo();
                break;
            case WireAnswer answer:
                if (faults.Hits(FaultPoint.WireCrash)) throw new IOException("the wire has broken");
                answer.Deliver(answer.Order.Pages > 1 && faults.Hits(FaultPoint.WireShorten));
                LetGo();
                break;
            case Reset:
                _held = null;
                break;
        }
    }

    // What it had in hand is gone. Whoever asked is told by the deadline of the order, as of any answer that is lost.
    protected override void PreRestart(Exception reason, object message)
    {
        if (message is WireAnswer answer) time.After(WireSource.Deadline, Self, answer with { Fails = true });
        if (_held is { } held) time.After(WireSource.Deadline, Self, held with { Fails = true });
        base.PreRestart(reason, message);
    }

    private void LetGo()
    {
        WireAnswer? held = _held;
        _held = null;
        held?.Deliver(inPieces: false);
    }

    /// <summary>A new run begins.</summary>
    internal sealed class Reset
    {
        public static Reset Instance { get; } = new();
    }

    /// <summary>No other answer has overtaken the one that is held back.</summary>
    internal sealed class Overdue
    {
        public static Overdue Instance { get; } = new();
    }
}
