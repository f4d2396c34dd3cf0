using UffdActors.Linux.Native;

namespace UffdActors.Linux.Peers;

/// <summary>
/// A descriptor that has come over a socket (SCM_RIGHTS). It belongs to this object until <see cref="Take"/>, and is closed with it.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class ReceivedDescriptor : LinuxHandle
{
    internal ReceivedDescriptor(int descriptor)
        : base(descriptor, true)
    {
    }

    /// <summary>Gives the descriptor away: it is closed here no more.</summary>
    /// <returns>Its number in this process, for a call that takes a descriptor over (<see cref="AdoptedUserfault.Descriptor"/>).</returns>
    /// <exception cref="ObjectDisposedException">It has been closed, or given away before.</exception>
    public int Take()
    {
        using Lease lease = Use();
        int number = lease.Number;
        SetHandleAsInvalid();
        return number;
    }
}
