using UffdActors.Abi;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>Asks the kernel what it offers, on a descriptor of its own: a descriptor allows one handshake only.</summary>
internal static class UffdProbe
{
    /// <summary>Features that the kernel offers, or null if no userfaultfd can be opened.</summary>
    public static UffdFeatures? OfferedFeatures() => OfferedFeatures(out _);

    /// <summary>Features that the kernel offers, or null if no userfaultfd can be opened, or none of them shakes hands.</summary>
    /// <param name="error">What UFFDIO_API gave; none if it was not called.</param>
    internal static UffdFeatures? OfferedFeatures(out Errno error)
    {
        error = Errno.None;
        using UffdDescriptor? probe = UffdDescriptor.TryOpen(UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock, out _)
            ?? UffdDescriptor.TryOpen(
                UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock | UffdOpenFlags.UserModeOnly, out _);
        if (probe is null) return null;
        error = probe.Handshake(UffdFeatures.None, out UffdFeatures offered);
        return error == Errno.None ? offered : null;
    }
}
