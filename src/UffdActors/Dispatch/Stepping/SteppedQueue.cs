using Akka.Actor;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using UffdActors.Model.Turns;

namespace UffdActors.Dispatch.Stepping;

/// <summary>
/// Messages in the order in which they came, but those of a lower rank first where the policy goes by rank. Gives out one message a step.
/// </summary>
internal sealed class SteppedQueue : IMessageQueue, IUnboundedMessageQueueSemantics
{
    private readonly SteppedLoop _loop;
    private readonly LinkedList<Envelope> _messages = new();
    private bool _putsFirst;

    internal SteppedQueue(IActorRef owner, SteppedLoop loop)
    {
        Owner = owner;
        _loop = loop;
    }

    /// <summary>The actor.</summary>
    internal IActorRef Owner { get; }

    /// <summary>
    /// Names the actor the same in every process and in every run of a world that is used again: what explorers go by instead of paths
    /// and uids. -1 if it has no name.
    /// </summary>
    internal int Label { get; set; } = -1;

    /// <summary>The next message that arrives is the second half of a turn: it goes before everything else.</summary>
    internal void PutFirst() => _putsFirst = true;

    /// <summary>The next message, or null.</summary>
    internal object? NextMessage => _messages.First?.Value.Message;

    /// <inheritdoc />
    public bool HasMessages => _messages.Count > 0;

    /// <inheritdoc />
    public int Count => _messages.Count;

    /// <summary>Rank of the next message; -1 for a message that is no operation, and for none.</summary>
    internal int NextRank => _messages.First is { } first ? RankOf(first.Value) : -1;

    /// <inheritdoc />
    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        if (_putsFirst)
        {
            _putsFirst = false;
            _messages.AddFirst(envelope);
            return;
        }

        if (_loop.Policy is not PriorityPolicy)
        {
            _messages.AddLast(envelope);
            return;
        }

        int rank = RankOf(envelope);
        LinkedListNode<Envelope>? after = _messages.Last;
        while (after is not null && RankOf(after.Value) > rank) after = after.Previous;
        if (after is null) _messages.AddFirst(envelope);
        else _messages.AddAfter(after, envelope);
    }

    /// <inheritdoc />
    public bool TryDequeue(out Envelope envelope)
    {
        if (_messages.First is not { } first || !_loop.TryTake())
        {
            envelope = default;
            return false;
        }

        envelope = first.Value;
        _messages.RemoveFirst();
        return true;
    }

    /// <inheritdoc />
    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        ArgumentNullException.ThrowIfNull(deadletters);
        foreach (Envelope envelope in _messages) deadletters.Enqueue(owner, envelope);
        _messages.Clear();
    }

    private static int RankOf(Envelope envelope) => envelope.Message is Operation operation ? operation.Origin.Rank : -1;
}
