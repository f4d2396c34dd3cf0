using UffdActors.Abi;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Mapping;

/// <summary>
/// What VMAs are registered with, as far as a mapping needs it: a userfaultfd context without its queues
/// (<c>struct vm_userfaultfd_ctx</c>).
/// </summary>
internal abstract class Registrant : Owner
{
    private protected Registrant(UffdOpenFlags flags) => OpenFlags = flags;

    /// <summary>Flags of creation.</summary>
    public UffdOpenFlags OpenFlags { get; }

    /// <summary>Features asked for in the handshake; fixed from then on.</summary>
    public UffdFeatures Features { get; private protected set; }

    /// <summary>Faults of system calls are not delivered.</summary>
    public bool IsUserModeOnly => (OpenFlags & UffdOpenFlags.UserModeOnly) != 0;
}
