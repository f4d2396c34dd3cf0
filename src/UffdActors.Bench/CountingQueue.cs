using Akka.Actor;
using Akka.Dispatch.MessageQueues;

namespace UffdActors.Bench;

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
