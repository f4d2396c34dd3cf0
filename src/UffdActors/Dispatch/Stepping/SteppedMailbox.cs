using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace UffdActors.Dispatch.Stepping;

/// <summary>The mailbox that goes with the stepped dispatcher.</summary>
internal sealed class SteppedMailbox : MailboxType, IProducesMessageQueue<SteppedQueue>
{
    /// <summary>Called by Akka.</summary>
    public SteppedMailbox(Settings settings, Config config)
        : base(settings, config)
    {
    }

    /// <inheritdoc />
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new SteppedQueue(owner, SteppedLoop.Of(system));
}
