using UffdActors.Failures;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;

namespace UffdActors.Worlds;

/// <summary>What the kernel's errnos mean, call by call, in a sentence for the caller: the same words in every world.</summary>
internal static class KernelErrors
{
    private static readonly (RegisterModes Mode, string Name)[] Single =
        [(RegisterModes.Missing, "MISSING"), (RegisterModes.WriteProtect, "WP"), (RegisterModes.Minor, "MINOR")];

    public static string Explain(string call, Errno error) => (call, error) switch
    {
        ("UFFDIO_REGISTER", Errno.EINVAL) =>
            "this memory does not support the mode, or nothing is mapped there, or the range is not aligned to its pages",
        ("UFFDIO_REGISTER", Errno.EPERM) =>
            $"the mapping can never be written to, so its pages cannot be filled; or {DeniedCall.Why}",
        ("UFFDIO_REGISTER", Errno.EBUSY) => "part of the range belongs to another userfaultfd; unregister it there first",
        ("UFFDIO_REGISTER" or "UFFDIO_UNREGISTER", Errno.ENOMEM) =>
            "the process whose memory it is has ended, or may have no more mappings (sysctl vm.max_map_count)",
        ("UFFDIO_API", Errno.EINVAL) => "a feature is asked for that this kernel does not offer, or the handshake was done before",
        ("UFFDIO_API", Errno.EPERM) => "EVENT_FORK is for the privileged: run with CAP_SYS_PTRACE, or leave it out",
        ("UFFDIO_UNREGISTER", Errno.EINVAL) => "nothing is mapped there any more, or part of the range belongs to another userfaultfd",
        ("PAGEMAP_SCAN", Errno.EPERM) =>
            "the region must be registered for write protection (alone or with MISSING or MINOR), on a userfaultfd opened with WP_ASYNC; "
                + $"or {DeniedCall.Why}",
        ("mmap", Errno.EACCES) => "the memory's module does not allow this protection",
        ("mmap", Errno.EINVAL) => "the memory's module does not allow such a mapping",
        ("mmap", Errno.ENODEV) => "the memory cannot be mapped",
        ("mmap", Errno.ENOMEM) => "there is no room for it in the address space",
        ("madvise", Errno.ENOMEM) => "part of the range is not mapped",
        ("munmap", Errno.ENOMEM) =>
            "the mapping would have to be split, and the process may have no more mappings (sysctl vm.max_map_count)",
        (_, Errno.EIO) => "the memory's module failed; an incident says how",
        (_, Errno.EMFILE) => "this process has as many descriptors open as it may: close some, or raise RLIMIT_NOFILE (ulimit -n)",
        (_, Errno.ENFILE) => "the machine has as many files open as it may: raise sysctl fs.file-max",
        (_, Errno.ENOMEM) => "there is not enough memory",
        (_, Errno.ENOSPC) => "there is not enough memory for the file",
        // The other calls need no privilege, and every kernel with userfaultfd has them.
        (_, Errno.EPERM or Errno.EACCES or Errno.ENOSYS) => DeniedCall.Why,
        _ => "the kernel refused the call",
    };

    /// <summary>Why mmap gives ENOMEM, whatever memory it is.</summary>
    public static string NoRoomFor(ulong bytes) => bytes > PageSize.TaskSize
        ? $"{bytes} bytes are more than the {PageSize.TaskSize} that a process can map"
        : $"{bytes} bytes are not to be had in one piece: other mappings lie in the way. Unmap some, or map less";

    /// <summary>Why madvise of a range of a region is refused.</summary>
    public static string ExplainAdvice(Advice advice, Errno error, GuestRegion region) => (advice, error) switch
    {
        (Advice.Remove, Errno.EINVAL) when region.Module is null =>
            "MADV_REMOVE punches a hole into a file, and anonymous memory has none; use DontNeed",
        (Advice.Free, Errno.EINVAL) when region.Module is not null =>
            "MADV_FREE is for private anonymous memory; use DontNeed, or Remove to free the pages",
        (Advice.PageOut, Errno.EINVAL) when region.PageBytes != PageSize.Base => "huge pages are not swapped out",
        (_, Errno.EINVAL) when region.PageBytes != PageSize.Base =>
            $"the range does not begin on a page of this memory, of {region.PageBytes} bytes",
        (Advice.Remove, Errno.EACCES) => "MADV_REMOVE needs a shared mapping that can be written to",
        (Advice.Remove, Errno.EOPNOTSUPP) => "holes cannot be punched into this memory",
        _ => Explain("madvise", error),
    };

    /// <summary>Why UFFDIO_API refuses features; of a kernel that offers some.</summary>
    public static string ExplainHandshake(UffdFeatures asked, UffdFeatures offered, Errno error)
    {
        UffdFeatures lacking = asked & ~offered;
        return error == Errno.EINVAL && lacking != UffdFeatures.None
            ? $"this kernel does not offer {lacking}"
            : Explain("UFFDIO_API", error);
    }

    /// <summary>Why no memory can be registered with these modes; null if they are modes.</summary>
    public static string? ExplainModes(RegisterModes modes)
    {
        if (modes == RegisterModes.None) return "no mode is asked for";
        return (modes & ~RegisterModes.All) == 0 ? null : $"0x{(ulong)(modes & ~RegisterModes.All):x} is no mode";
    }

    /// <summary>Why REGISTER refuses these modes on this memory; null if it does not.</summary>
    public static string? ExplainRegister(KernelProfile profile, Vma? vma, RegisterModes modes, UffdFeatures features)
    {
        if (ExplainModes(modes) is { } none) return none;
        if (vma is null) return "nothing is mapped there";
        if (Registration.CanUserfault(profile, vma, modes, features)) return null;
        RegisterModes supported = Single.Where(m => Registration.CanUserfault(profile, vma, m.Mode, features))
            .Aggregate(RegisterModes.None, (all, m) => all | m.Mode);
        return Unsupported(vma.File?.Module.Facts.Name ?? "anonymous memory", supported, modes, $" under kernel profile {profile.Name}");
    }

    /// <summary>What a memory supports, and what not.</summary>
    public static string Unsupported(string memory, RegisterModes supported, RegisterModes modes, string where) =>
        supported == RegisterModes.None
        ? $"{memory} cannot be registered{where}"
        : $"{memory} supports {NamesOf(supported)}{where}, not {NamesOf(modes & ~supported)}";

    /// <summary>The modes' names, as the kernel's headers have them.</summary>
    public static string NamesOf(RegisterModes modes) => string.Join(" and ", Single.Where(m => (modes & m.Mode) != 0).Select(m => m.Name));
}
