using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>
/// Why UFFDIO_REGISTER was refused. The kernel gives EINVAL for a mode that this memory does not support, for a bad mode, and for a range
/// that is not mapped as was said.
/// </summary>
internal static class RegisterRefusal
{
    /// <summary>The refusal.</summary>
    /// <param name="region">The region's memory.</param>
    /// <param name="modes">Modes asked for.</param>
    /// <param name="error">What the ioctl gave.</param>
    public static UffdException Of(LiveMemory region, RegisterModes modes, Errno error)
    {
        const string Call = "UFFDIO_REGISTER";
        if (error != Errno.EINVAL) return new UffdException(Call, error, KernelErrors.Explain(Call, error));
        GuestMemory memory = region.Guest;
        string? layout = null;
        try
        {
            // Without the process's number its mappings cannot be read.
            string? process = !region.IsInOtherProcess ? "self"
                : region.Process?.Process is { } number ? ProcessFolder.Of(number)["/proc/".Length..]
                : null;
            if (process is not null)
                layout = WhyLayout(
                    memory.Address, memory.End, memory.PageBytes, AddressMap.In(process, memory.Address, memory.End),
                    AddressMap.PageBytesAt(process, memory.Address));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then the errno alone is reported.
        }

        string? why = KernelErrors.ExplainModes(modes) ?? layout ?? WhyMemory(memory.Backing, modes, UffdProbe.OfferedFeatures());
        // A mode that this kernel does not support on the memory is not the caller's mistake: another kernel may support it.
        if (why is null && memory.Backing == MemoryBacking.GuestMemfd)
            return new UnsupportedMachineException(
                MachineNeed.GuestMemfdFaults, $"UFFDIO_REGISTER of guest_memfd for {modes} failed with {error}.", Call, error);
        return new UffdException(Call, error, why ?? (region.IsInOtherProcess
            ? $"the range 0x{memory.Address:x} to 0x{memory.End:x} of the other process is not all of it memory that supports "
                + $"{KernelErrors.NamesOf(modes)}: it may be longer than what is mapped there, or not aligned to its pages"
            : KernelErrors.Explain(Call, error)));
    }

    /// <summary>What of the range is not as it was said to be; null if all of it is.</summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind.</param>
    /// <param name="pageBytes">Bytes of a page, as they were said to be.</param>
    /// <param name="there">What is mapped there.</param>
    /// <param name="mappedPageBytes">Bytes of a page of what is mapped at the start.</param>
    public static string? WhyLayout(ulong start, ulong end, int pageBytes, IReadOnlyList<MappedRange> there, long mappedPageBytes)
    {
        if (there.Count == 0) return $"nothing is mapped from 0x{start:x} to 0x{end:x}";
        if (there[0].Start > start) return $"the first {there[0].Start - start} bytes of the range from 0x{start:x} on are not mapped";
        if (mappedPageBytes > pageBytes && ((start | end) & ((ulong)mappedPageBytes - 1)) != 0)
            return $"0x{start:x} to 0x{end:x} is not aligned to the pages of {NameOf(there[0])}, which have {mappedPageBytes} bytes";
        ulong reached = there[0].End;
        foreach (MappedRange next in there.Skip(1))
        {
            // To the kernel, one memory of its owner may be several mappings, so neighbours are told apart by name alone.
            if (next.Start != reached || next.Name != there[0].Name) break;
            reached = next.End;
        }

        if (reached >= end) return null;
        string behind = there.FirstOrDefault(r => r.End > reached) is { End: > 0 } other && other.Start == reached
            ? NameOf(other)
            : "nothing";
        return $"the region of {end - start} bytes is longer than its memory: {NameOf(there[0])} ends after {reached - start} of them, "
            + $"and {behind} follows";
    }

    /// <summary>What this kind of memory does not support; null if it is not known.</summary>
    public static string? WhyMemory(MemoryBacking backing, RegisterModes modes, UffdFeatures? offered)
    {
        if (backing == MemoryBacking.Anonymous && (modes & RegisterModes.Minor) != 0)
            return KernelErrors.Unsupported("anonymous memory", RegisterModes.Missing | RegisterModes.WriteProtect, modes, "");
        if (offered is not { } features) return null;
        foreach ((MemoryBacking kind, RegisterModes mode, UffdFeatures feature) in Needed)
        {
            if (kind == backing && (modes & mode) != 0 && (features & feature) == 0)
                return $"this kernel does not offer {feature}, which {KernelErrors.NamesOf(mode)} on this memory needs";
        }

        return null;
    }

    private static readonly (MemoryBacking Backing, RegisterModes Mode, UffdFeatures Feature)[] Needed =
    [
        (MemoryBacking.Anonymous, RegisterModes.WriteProtect, UffdFeatures.PagefaultFlagWp),
        (MemoryBacking.Shmem, RegisterModes.Missing, UffdFeatures.MissingShmem),
        (MemoryBacking.Shmem, RegisterModes.Minor, UffdFeatures.MinorShmem),
        (MemoryBacking.Shmem, RegisterModes.WriteProtect, UffdFeatures.WpHugetlbfsShmem),
        (MemoryBacking.Hugetlb, RegisterModes.Missing, UffdFeatures.MissingHugetlbfs),
        (MemoryBacking.Hugetlb, RegisterModes.Minor, UffdFeatures.MinorHugetlbfs),
        (MemoryBacking.Hugetlb, RegisterModes.WriteProtect, UffdFeatures.WpHugetlbfsShmem),
    ];

    private static string NameOf(MappedRange range) => range.Name.Length == 0 ? "anonymous memory" : range.Name;
}
