using Akka.Actor;

namespace UffdActors.Bench;

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
