using Akka.Actor;
using UffdActors.Dispatch;
using UffdActors.Explore.Faults;

namespace UffdActors.Explore.Scenes;

/// <summary>The wire between the page source and the actors that ask it.</summary>
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
                // With a time-out, since no other answer may ever come.
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

    // The answers that it held are lost. As with any lost answer, the order fails at its deadline.
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

    /// <summary>No other answer has overtaken the delayed one in time.</summary>
    internal sealed class Overdue
    {
        public static Overdue Instance { get; } = new();
    }
}
