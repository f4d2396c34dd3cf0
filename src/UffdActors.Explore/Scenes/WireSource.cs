using Akka.Actor;
using UffdActors.Dispatch;
using UffdActors.Explore.Faults;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// The page source of a run. Answers at once where it is asked directly; behind an actor an answer is a message
/// of its own, and can come late, twice, in pieces, after others, or never, as the run's faults have it.
/// </summary>
internal sealed class WireSource(RingTime time, FaultPlan faults, PageContent content, bool answersAtOnce) : IPageSource
{
    private static readonly TimeSpan Late = TimeSpan.FromMicroseconds(500);
    internal static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(2);

    /// <summary>The actor in whose turns the answers arrive.</summary>
    public IActorRef Wire { get; set; } = ActorRefs.Nobody;

    /// <summary>Called for an order of which another resolver fills a part.</summary>
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
