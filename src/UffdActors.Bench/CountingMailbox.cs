using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace UffdActors.Bench;

/// <summary>
/// Mailboxes that count the messages that their actors take: the actual number of messages a fault. For runs that are counted, not timed.
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
