using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Userfault;

namespace UffdActors;

/// <summary>What the kernel's errnos mean, call by call, in a sentence for whoever made the call.</summary>
internal static class KernelErrors
{
    private static readonly (RegisterModes Mode, string Name)[] Single =
        [(RegisterModes.Missing, "MISSING"), (RegisterModes.WriteProtect, "WP"), (RegisterModes.Minor, "MINOR")];

    public static string Explain(string call, Errno error) => (call, error) switch
    {
        ("UFFDIO_REGISTER", Errno.EINVAL) => "this memory does not support the mode (its module's table does not offer it), or the range is not aligned to its pages",
        ("UFFDIO_REGISTER", Errno.EPERM) => "the mapping can never be written to, so its pages cannot be filled",
        ("UFFDIO_REGISTER", Errno.EBUSY) => "part of the range belongs to another userfaultfd",
        ("UFFDIO_API", Errno.EINVAL) => "a feature is asked for that this kernel does not offer, or the handshake was done before",
        ("UFFDIO_UNREGISTER", Errno.EINVAL) => "nothing is mapped there any more, or part of the range belongs to another userfaultfd",
        ("PAGEMAP_SCAN", Errno.EPERM) => "the region must be registered for write protection (alone or with MISSING or MINOR), on a userfaultfd opened with WP_ASYNC",
        ("mmap", Errno.EACCES) => "the memory's module does not allow this protection",
        ("mmap", Errno.EINVAL) => "the memory's module does not allow such a mapping",
        (_, Errno.ENOMEM) => "there is not enough physical memory in the VM, or the range is not mapped",
        (_, Errno.ENOSPC) => "there is not enough physical memory in the VM for the file",
        _ => "the kernel refused the call",
    };

    /// <summary>Why REGISTER refuses these modes on this memory; null if it does not.</summary>
    public static string? ExplainRegister(KernelProfile profile, Vma? vma, RegisterModes modes, UffdFeatures features)
    {
        if (vma is null || Registration.CanUserfault(profile, vma, modes, features)) return null;
        RegisterModes supported = Single.Where(m => Registration.CanUserfault(profile, vma, m.Mode, features)).Aggregate(RegisterModes.None, (all, m) => all | m.Mode);
        string memory = vma.File?.Module.Name ?? "anonymous memory";
        return supported == RegisterModes.None
            ? $"{memory} cannot be registered under kernel profile {profile.Name}"
            : $"{memory} supports {Names(supported)} under kernel profile {profile.Name}, not {Names(modes & ~supported)}";
    }

    private static string Names(RegisterModes modes) => string.Join(" and ", Single.Where(m => (modes & m.Mode) != 0).Select(m => m.Name));
}
