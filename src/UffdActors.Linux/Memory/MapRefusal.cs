using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Memory;

/// <summary>Why <c>mmap</c>(2) was refused: ENOMEM alone has seven causes, and a remedy for each.</summary>
internal static class MapRefusal
{
    // Other threads of this process may map and unmap between the refusal and the count.
    private const int Slack = 32;

    /// <summary>The refusal of a mapping.</summary>
    /// <returns>What this machine lacks, if it is huge pages; else a failed call.</returns>
    public static Exception Of(ulong bytes, MemoryBacking backing, Errno error)
    {
        string call = $"mmap({bytes} bytes of {backing})";
        if (error != Errno.ENOMEM) return new SyscallException(call, error, KernelErrors.Explain("mmap", error) + ".");
        AddressSpaceFacts? facts = TryRead();
        string? why = facts is null ? null : Why(bytes, backing, facts);
        long huge = (long)(bytes / PageSize.Huge);
        if (why is null && backing == MemoryBacking.Hugetlb && HugePagePool.Available() is var free && free < huge)
            return new UnsupportedMachineException(
                MachineNeed.HugePages, $"{huge} huge pages are needed, and {free} are free and not promised to others.", "mmap", error);
        return new SyscallException(
            call, error,
            (why ?? "the kernel is short of memory for its own tables, or this process's control group is at its limit") + ".");
    }

    /// <summary>Why there is no room for a mapping; null if none of the bounds is reached.</summary>
    public static string? Why(ulong bytes, MemoryBacking backing, AddressSpaceFacts facts)
    {
        if (bytes > PageSize.TaskSize) return KernelErrors.NoRoomFor(bytes);
        if (facts.Mappings > facts.MaxMappings - Slack)
            return $"this process has {facts.Mappings} mappings, as many as it may; unmap some, or raise the bound as root: sysctl "
                + $"vm.max_map_count={facts.MaxMappings * 4}";
        if (Exceeds(facts.Bytes, bytes, facts.MaxBytes))
            return $"{facts.Bytes} bytes are mapped, and this process's address space is limited to {facts.MaxBytes}; raise RLIMIT_AS "
                + $"(ulimit -v)";
        if (backing == MemoryBacking.Anonymous && Exceeds(facts.DataBytes, bytes, facts.MaxDataBytes))
            return $"{facts.DataBytes} bytes of private memory are mapped, and this process is limited to {facts.MaxDataBytes}; raise "
                + $"RLIMIT_DATA (ulimit -d)";
        if (facts.LargestGap < bytes) return KernelErrors.NoRoomFor(bytes);
        if (backing == MemoryBacking.Anonymous && facts.NeverOvercommits && Exceeds(facts.Committed, bytes, facts.CommitLimit))
            return $"the machine has promised {facts.Committed} bytes of memory and may promise {facts.CommitLimit}; set sysctl "
                + $"vm.overcommit_memory=0 or 1, raise vm.overcommit_ratio, or add swap";
        return null;
    }

    private static bool Exceeds(ulong used, ulong more, ulong limit) => used > limit || more > limit - used;

    // Without /proc the errno alone is reported.
    private static AddressSpaceFacts? TryRead()
    {
        try
        {
            return AddressSpaceFacts.Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }
}
