using System.Globalization;

namespace UffdActors.Linux.Memory;

/// <summary>What bounds the mappings of this process.</summary>
/// <param name="Mappings">Mappings that there are.</param>
/// <param name="MaxMappings">vm.max_map_count.</param>
/// <param name="LargestGap">Bytes of the longest range where nothing is mapped.</param>
/// <param name="Bytes">Bytes that are mapped.</param>
/// <param name="MaxBytes">RLIMIT_AS.</param>
/// <param name="DataBytes">Bytes that are mapped privately and can be written.</param>
/// <param name="MaxDataBytes">RLIMIT_DATA.</param>
/// <param name="NeverOvercommits">vm.overcommit_memory is 2.</param>
/// <param name="Committed">Bytes that the machine has promised.</param>
/// <param name="CommitLimit">Bytes that it may promise then.</param>
internal sealed record AddressSpaceFacts(
    long Mappings,
    long MaxMappings,
    ulong LargestGap,
    ulong Bytes,
    ulong MaxBytes,
    ulong DataBytes,
    ulong MaxDataBytes,
    bool NeverOvercommits,
    ulong Committed,
    ulong CommitLimit)
{
    /// <summary>Asks for them.</summary>
    public static AddressSpaceFacts Read()
    {
        (long count, ulong gap) = AddressMap.Measure();
        return new AddressSpaceFacts(
            count,
            long.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture),
            gap,
            Kilobytes("/proc/self/status", "VmSize:"),
            Limit("Max address space"),
            Kilobytes("/proc/self/status", "VmData:"),
            Limit("Max data size"),
            File.ReadAllText("/proc/sys/vm/overcommit_memory").Trim() == "2",
            Kilobytes("/proc/meminfo", "Committed_AS:"),
            Kilobytes("/proc/meminfo", "CommitLimit:"));
    }

    /// <summary>Bytes of memory and swap that this machine can still give, as the kernel estimates.</summary>
    public static ulong AvailableMemory() => Kilobytes("/proc/meminfo", "MemAvailable:") + Kilobytes("/proc/meminfo", "SwapFree:");

    private static ulong Kilobytes(string path, string field)
    {
        string line = File.ReadLines(path).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) ?? field + " 0 kB";
        return ulong.Parse(line.AsSpan(field.Length).Trim(" \tkB"), CultureInfo.InvariantCulture) * 1024;
    }

    // "Max address space         unlimited            unlimited            bytes"
    private static ulong Limit(string name)
    {
        string? line = File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes) ? bytes : ulong.MaxValue;
    }
}
