using UffdActors.Abi;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>Asks the kernel what it offers, on a descriptor of its own: a handshake is final, so asking costs one.</summary>
public static class UffdProbe
{
    /// <summary>Features that the kernel offers, or null if no userfaultfd can be opened.</summary>
    public static UffdFeatures? OfferedFeatures()
    {
        using UffdDescriptor? probe = UffdDescriptor.TryOpen(UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock, out _)
            ?? UffdDescriptor.TryOpen(UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock | UffdOpenFlags.UserModeOnly, out _);
        return probe is not null && probe.Handshake(UffdFeatures.None, out UffdFeatures offered) == Errno.None ? offered : null;
    }
}
