using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using Akka.Event;
using UffdActors.Model.Turns;

namespace UffdActors.Dispatch;

/// <summary>Makes the stepped dispatcher; named in HOCON as the <c>type</c> of every dispatcher of the system.</summary>
public sealed class SteppedDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly SteppedDispatcher _dispatcher;

    /// <summary>Called by Akka.</summary>
    public SteppedDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
        ArgumentNullException.ThrowIfNull(config);
        ActorSystem system = prerequisites.Settings.System;
        string id = config.GetString("id", "stepped");
        SteppedLoop loop = SteppedLoops.Of(system).GetOrAdd();
        _dispatcher = new SteppedDispatcher(this, id, loop);
        RingTimes.Of(system).Add(id, loop);
    }

    /// <inheritdoc />
    public override MessageDispatcher Dispatcher() => _dispatcher;
}

/// <summary>Hands mailboxes to the <see cref="SteppedLoop"/>.</summary>
internal sealed class SteppedDispatcher : MessageDispatcher
{
    private readonly SteppedLoop _loop;

    public SteppedDispatcher(MessageDispatcherConfigurator configurator, string id, SteppedLoop loop)
        : base(configurator)
    {
        Id = id;
        Throughput = 1;
        _loop = loop;
    }

    protected override void ExecuteTask(IRunnable run) => _loop.Execute(run);

    protected override void Shutdown()
    {
    }
}

/// <summary>The mailbox that goes with the stepped dispatcher.</summary>
public sealed class SteppedMailbox : MailboxType, IProducesMessageQueue<SteppedQueue>
{
    /// <summary>Called by Akka.</summary>
    public SteppedMailbox(Settings settings, Config config)
        : base(settings, config)
    {
    }

    /// <inheritdoc />
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new SteppedQueue(owner, SteppedLoop.Of(system));
}

/// <summary>
/// Messages in the order in which they came, but those of a lower rank first where the policy goes by rank. Gives out one message a step.
/// </summary>
public sealed class SteppedQueue : IMessageQueue, IUnboundedMessageQueueSemantics
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
    /// and uids. -1 if nobody has named it.
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

/// <summary>Akka's scheduler on a stepped system: real time does not exist there, so nothing that it is asked for ever happens.</summary>
public sealed class SteppedScheduler : SchedulerBase, IDateTimeOffsetNowTimeProvider
{
    /// <summary>Called by Akka.</summary>
    public SteppedScheduler(Config scheduler, ILoggingAdapter log)
        : base(scheduler, log)
    {
    }

    /// <inheritdoc />
    public override TimeSpan MonotonicClock => TimeSpan.Zero;

    /// <inheritdoc />
    public override TimeSpan HighResMonotonicClock => TimeSpan.Zero;

    /// <inheritdoc />
    protected override DateTimeOffset TimeNow => DateTimeOffset.UnixEpoch;

    /// <inheritdoc />
    protected override void InternalScheduleTellOnce(
        TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable)
    {
    }
}
