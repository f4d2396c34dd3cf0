using System.Runtime.InteropServices;
using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Live;

/// <summary>
/// A descriptor of the embedder, polled by the fault loop beside the userfaultfds for as long as the actor lives. A duplicate, so the
/// embedder may close the original at any time.
/// </summary>
internal sealed class PolledDescriptor : UntypedActor, IPolled
{
    private const string Name = "What UffdVm.PollAsync was given";

    private readonly PolledOptions _options;
    private readonly ForeignCall _call = new();
    private readonly IActorRef _self;

    public PolledDescriptor(PolledOptions options)
    {
        _options = options;
        _self = Self;
        options.Calls?.Add(_call);
    }

    public static Props Props(PolledOptions options, VmContext vm) =>
        Akka.Actor.Props.CreateBy(new Producer(options)).WithDispatcher(vm.DispatcherId);

    /// <summary>Duplicates a descriptor.</summary>
    /// <exception cref="SyscallException">EMFILE: the process has too many open.</exception>
    public static LinuxHandle Duplicate(SafeHandle descriptor)
    {
        bool isTaken = false;
        try
        {
            // Throws if it has been closed.
            descriptor.DangerousAddRef(ref isTaken);
            CallResult copy = RawCalls.Duplicate((int)descriptor.DangerousGetHandle());
            if (copy.Error != Errno.None) throw new SyscallException("fcntl(F_DUPFD_CLOEXEC)", copy.Error);
            return new FileHandle((int)copy.Return);
        }
        finally
        {
            if (isTaken) descriptor.DangerousRelease();
        }
    }

    /// <inheritdoc />
    public void OnReadable()
    {
        bool goesOn = false;
        _call.Begin(Name);
        try
        {
            goesOn = _options.Readable();
        }
        catch (Exception e)
        {
            _ = _options.Ended.TrySetException(e);
        }

        _call.End();
        if (goesOn) return;
        _options.Waiter.Remove(_options.Handle, this);
        _ = _options.Ended.TrySetResult();
        _self.Tell(PoisonPill.Instance, ActorRefs.NoSender);
    }

    protected override void PreStart()
    {
        _options.Waiter.Add(_options.Handle, this);
        base.PreStart();
    }

    protected override void OnReceive(object message) => Unhandled(message);

    protected override void PostStop()
    {
        _options.Waiter.Remove(_options.Handle, this);
        _options.Handle.Dispose();
        _options.Calls?.Remove(_call);
        _ = _options.Ended.TrySetResult();
        base.PostStop();
    }

    // A constructor that reflection calls is compiled again at one of its first calls, on the fault loop: half a millisecond there.
    private sealed class Producer(PolledOptions options) : IIndirectActorProducer
    {
        public Type ActorType => typeof(PolledDescriptor);

        public ActorBase Produce() => new PolledDescriptor(options);

        public void Release(ActorBase actor)
        {
            // It ends with its PostStop.
        }
    }
}
