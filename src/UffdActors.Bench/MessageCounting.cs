using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace UffdActors.Bench;

/// <summary>
/// Mailboxes that count what their actors take out of them: how many messages a fault really is. For runs that are counted, not timed.
/// </summary>
internal sealed class CountingMailbox : MailboxType, IProducesMessageQueue<CountingQueue>
{
    /// <summary>Called by Akka.</summary>
    public CountingMailbox(Settings settings, Config config)
        : base(settings, config)
    {
    }

    /// <summary>The configuration that gives these mailboxes to the ring's actors, on any dispatcher that runs on real threads.</summary>
    internal static Config Configuration { get; } = ConfigurationFactory.ParseString(
        $$"""
        uffd.fault-loop.mailbox-type = "{{typeof(CountingMailbox).AssemblyQualifiedName}}"
        uffd.parallel.mailbox-type = "{{typeof(CountingMailbox).AssemblyQualifiedName}}"
        """);

    /// <inheritdoc />
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => MessageCounts.Of(system).NewQueue();
}

/// <summary>An unbounded queue that counts; only the actor that owns it takes messages out.</summary>
internal sealed class CountingQueue : UnboundedMessageQueue, IMessageQueue
{
    private long _taken;

    internal long Taken => Volatile.Read(ref _taken);

    bool IMessageQueue.TryDequeue(out Envelope envelope)
    {
        if (!TryDequeue(out envelope)) return false;
        Volatile.Write(ref _taken, _taken + 1);
        return true;
    }
}

/// <summary>The counting mailboxes of an actor system.</summary>
internal sealed class MessageCounts : IExtension
{
    private readonly List<CountingQueue> _queues = [];

    /// <summary>Messages that actors have taken so far.</summary>
    public long Taken
    {
        get
        {
            lock (_queues) return _queues.Sum(q => q.Taken);
        }
    }

    public static MessageCounts Of(ActorSystem system) => system.WithExtension<MessageCounts, Provider>();

    public CountingQueue NewQueue()
    {
        CountingQueue queue = new();
        lock (_queues) _queues.Add(queue);
        return queue;
    }

    private sealed class Provider : ExtensionIdProvider<MessageCounts>
    {
        public override MessageCounts CreateExtension(ExtendedActorSystem system) => new();
    }
}
