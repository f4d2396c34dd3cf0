using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// A signal with a handler arrives at a thread that sleeps in a userfault of user mode, or in a blocking read (SEMANTICS 6.4): the
/// thread leaves the queue, its message disappears if it is unread, and the access starts again as a new fault at the end of the queue;
/// a read ends with EINTR.
/// </summary>
internal sealed class SendSignal : ControlOperation
{
    private readonly Operation _target;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread that sends.</param>
    /// <param name="target">What the receiving thread is doing.</param>
    public SendSignal(Caller caller, Operation target)
        : base(caller) => _target = target;

    private protected override IEnumerable<Owner?> Stages()
    {
        switch (_target)
        {
            case Access { Context: { } context } access when (access.Kind & AccessKind.Kernel) == 0:
                yield return context;
                if (access.WaitState == WaitState.None) break;
                context.Withdraw(access);
                access.WakeUp();
                break;
            case ReadMessages { IsBlocked: true } read:
                yield return read.Context;
                read.Interrupt();
                break;
        }
    }
}
