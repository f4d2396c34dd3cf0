using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>Messages between the actors of a VM that are not operations. All local: they carry live objects.</summary>
internal static class VmProtocol
{
    /// <summary>Lets a thread make a call, unless it has been cancelled by then; the completion is told the outcome.</summary>
    public sealed record Call(Operation Operation, TaskCompletionSource<Operation> Completion, CancellationToken Cancel = default)
        : INoSerializationVerificationNeeded;

    /// <summary>A turn of a ring actor ended in an exception.</summary>
    public sealed record RingFailed(IActorRef Actor, Exception Reason, object? Message) : INoSerializationVerificationNeeded;

    /// <summary>First part of the name of every handler's actor.</summary>
    public const string HandlerName = "handler";

    /// <summary>Gives owners that were made outside the ring their actors.</summary>
    public sealed record Attach(IReadOnlyList<Owner> Owners, TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>Makes a child of the root.</summary>
    public sealed record StartActor(Props Props, string Name, TaskCompletionSource<IActorRef> Done) : INoSerializationVerificationNeeded;

    /// <summary>The userfaultfd has something to be read. Sent by the loop that polls it.</summary>
    public sealed class Readable : INoSerializationVerificationNeeded
    {
        private Readable()
        {
        }

        public static Readable Instance { get; } = new();
    }

    /// <summary>A descriptor that is not polled for a while may have something to be read.</summary>
    public sealed class LookAgain : INoSerializationVerificationNeeded
    {
        private LookAgain()
        {
        }

        public static LookAgain Instance { get; } = new();
    }

    /// <summary>A fill has been refused while faults are held back: an event may stand behind them.</summary>
    public sealed class ReadOn : INoSerializationVerificationNeeded
    {
        private ReadOn()
        {
        }

        public static ReadOn Instance { get; } = new();
    }

    /// <summary>Reads what there is to be read, and says so: what an unread event has refused may be tried again.</summary>
    public sealed record ReadEvents(TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>Starts the handlers of a context, and lets its reader read.</summary>
    public sealed record StartHandlers(
        FaultReader Reader, IActorRef Context, IReadOnlyList<HandlerOptions> Handlers, string Name, TaskCompletionSource Done)
            : INoSerializationVerificationNeeded;

    /// <summary>Starts the background push of a region.</summary>
    public sealed record StartPush(Props Push, MonitorThread Thread, string Name, TaskCompletionSource<IActorRef> Done)
        : INoSerializationVerificationNeeded;

    /// <summary>Starts vCPUs; all of them exist before the first one runs.</summary>
    public sealed record StartVcpus(
        IReadOnlyList<VcpuOptions> Vcpus, string Name, TaskCompletionSource<IReadOnlyList<IActorRef>> Done)
            : INoSerializationVerificationNeeded;

    /// <summary>Stops children; done when they are gone.</summary>
    public sealed record StopChildren(IReadOnlyList<IActorRef> Children, TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>A child that was to stop is gone.</summary>
    public sealed record ChildStopped(IActorRef Child) : INoSerializationVerificationNeeded;

    /// <summary>Stops the VM's root and with it everything; done when all are gone.</summary>
    public sealed record StopVm(TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>From here on the context's reader serves its faults: the actor of the context begins to read.</summary>
    public sealed record Serve(FaultReader Reader) : INoSerializationVerificationNeeded;

    /// <summary>A range is not mapped any more, and no event need say so.</summary>
    /// <param name="Start">First address.</param>
    /// <param name="End">First address behind it.</param>
    /// <param name="Done">Completed when no fill goes there any more; null if that is not waited for.</param>
    /// <param name="Seen">What was served there when a fill met nothing; null if it was unmapped for sure.</param>
    public sealed record Unmapped(ulong Start, ulong End, TaskCompletionSource? Done, ServedRegion? Seen = null)
        : INoSerializationVerificationNeeded;

    /// <summary>The embedder takes pages of a region away by a call that raises no event.</summary>
    /// <param name="Region">Number of the region.</param>
    /// <param name="Pages">Base pages of it.</param>
    /// <param name="Done">Completed when no fill brings their old content any more.</param>
    public sealed record TakenAway(int Region, PageRange Pages, TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>A call of the embedder has made pages of a region accessible, and woken their threads.</summary>
    public sealed record Settled(int Region, PageRange Pages, TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>A push has begun: it is to be told what is unmapped from here on, also before it has filled anything.</summary>
    public sealed record PushBegun(IActorRef Push) : INoSerializationVerificationNeeded;

    /// <summary>Asks how long each thread has waited.</summary>
    /// <param name="Latencies">What is recorded.</param>
    /// <param name="Done">Completed with it.</param>
    /// <param name="IsBehindFills">It is behind what was in the mailbox when it came.</param>
    public sealed record ReadLatencies(
        ThreadLatencies Latencies, TaskCompletionSource<IReadOnlyList<FaultLatency>> Done, bool IsBehindFills = false)
        : INoSerializationVerificationNeeded;

    /// <summary>A region is about to be registered: the reader knows it before its first fault can come.</summary>
    /// <param name="Regions">What is served of it.</param>
    /// <param name="Done">Completed when the reader knows it.</param>
    public sealed record Registering(IReadOnlyList<ServedRegion> Regions, TaskCompletionSource Done) : INoSerializationVerificationNeeded;

    /// <summary>Parts of regions have been unmapped: a push looks whether anything is left for it to do.</summary>
    public sealed class PartsUnmapped : INoSerializationVerificationNeeded
    {
        private PartsUnmapped()
        {
        }

        public static PartsUnmapped Instance { get; } = new();
    }

    /// <summary>A handler has crashed: what it was at work on has to be delivered again.</summary>
    public sealed record HandlerCrashed(int Handler, PageRequest? During) : INoSerializationVerificationNeeded;

    /// <summary>A fault in no region has been held for long enough.</summary>
    public sealed record WakeStray(ulong Address) : INoSerializationVerificationNeeded;

    /// <summary>Reads all events that there are, and then what is known of a region's pages.</summary>
    public sealed record ReadStates(
        RegionPages Pages, PageRange Range, IReadOnlyList<PageRange> Written, TaskCompletionSource<IReadOnlyList<PageStateRange>> Done,
        bool IsBehindFills = false)
        : INoSerializationVerificationNeeded;

    /// <summary>Go on with what was interrupted to let others have a turn.</summary>
    public sealed class Resume : INoSerializationVerificationNeeded
    {
        private Resume()
        {
        }

        public static Resume Instance { get; } = new();
    }

    /// <summary>The vCPU ends with its next access.</summary>
    public sealed class StopVcpu : INoSerializationVerificationNeeded
    {
        private StopVcpu()
        {
        }

        public static StopVcpu Instance { get; } = new();
    }

    /// <summary>Pages that had been given up are tried again.</summary>
    public sealed class Recover : INoSerializationVerificationNeeded
    {
        private Recover()
        {
        }

        public static Recover Instance { get; } = new();
    }

    /// <summary>A page has paused at an address where it is not any more (<see cref="FaultReader.DropGone"/>).</summary>
    public sealed class DropGone : INoSerializationVerificationNeeded
    {
        private DropGone()
        {
        }

        /// <summary>The only one.</summary>
        public static DropGone Instance { get; } = new();
    }

    /// <summary>The memory that a userfaultfd serves is gone (<see cref="OwnerWatch"/>).</summary>
    public sealed class OwnerGone : INoSerializationVerificationNeeded
    {
        private OwnerGone()
        {
        }

        public static OwnerGone Instance { get; } = new();
    }

    /// <summary>An answer of a page source that did not come within the request.</summary>
    public readonly record struct SourceAnswer(
        long Id, long FirstPage, int Pages, SourceContent Content, nint Address, Exception? Failure, bool IsFailure)
        : INoSerializationVerificationNeeded;

    /// <summary>An order was answered with nonsense a moment ago: nothing better has come, or it has.</summary>
    public sealed record OrderDue(long Id) : INoSerializationVerificationNeeded;

    /// <summary>Looks for orders without an answer for too long.</summary>
    public sealed class Sweep : INoSerializationVerificationNeeded
    {
        private Sweep()
        {
        }

        public static Sweep Instance { get; } = new();
    }

    /// <summary>Tries one of the pages that have paused in an outage.</summary>
    public sealed record Probe(Outage Outage) : INoSerializationVerificationNeeded;

    /// <summary>An outage is over: the pages that have paused in it are tried again.</summary>
    public sealed record Release(Outage Outage) : INoSerializationVerificationNeeded;

    /// <summary>A page on which handlers crash is handed out again.</summary>
    public sealed record HandOutAgain(ulong Address) : INoSerializationVerificationNeeded;

    /// <summary>The push is tried again after it has paused; not so if it has been woken meanwhile.</summary>
    public sealed record ProbePush(int Pause) : INoSerializationVerificationNeeded;

    /// <summary>The push asks for nothing more until it is told otherwise.</summary>
    public sealed record HoldPush(bool IsHeld) : INoSerializationVerificationNeeded;

    /// <summary>The push ends with the chunk that it has in hand.</summary>
    public sealed record EndPush : INoSerializationVerificationNeeded
    {
        /// <summary>The only one.</summary>
        public static EndPush Instance { get; } = new();
    }
}
