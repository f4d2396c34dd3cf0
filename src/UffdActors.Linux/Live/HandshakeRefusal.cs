using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>
/// Why UFFDIO_API was refused. The kernel itself gives EPERM for EVENT_FORK without the capability; any other EPERM comes from a filter.
/// </summary>
internal static class HandshakeRefusal
{
    /// <summary>The refusal.</summary>
    /// <param name="asked">Features that were asked for.</param>
    /// <param name="error">What the ioctl gave.</param>
    /// <param name="who">This process.</param>
    public static UffdException Of(UffdFeatures asked, Errno error, Confinement who)
    {
        const string Call = "UFFDIO_API";
        bool isKernels = error == Errno.EPERM && (asked & UffdFeatures.EventFork) != 0
            && (!who.Has(Capability.SysPtrace) || who.UserNamespace);
        return error is Errno.EPERM or Errno.EACCES or Errno.ENOSYS && !isKernels
            ? new UnsupportedMachineException(
                MachineNeed.Userfaultfd, $"{Call} failed with {error}.", Denial.Confined("ioctl", error, who), Call, error)
            : new UffdException(Call, error, KernelErrors.ExplainHandshake(asked, UffdProbe.OfferedFeatures() ?? UffdFeatures.All, error));
    }
}
