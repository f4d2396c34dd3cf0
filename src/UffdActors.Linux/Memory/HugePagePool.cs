using System.Globalization;

namespace UffdActors.Linux.Memory;

/// <summary>The machine's pool of huge pages of 2 MiB, as the kernel counts it. Reading it changes nothing.</summary>
internal static class HugePagePool
{
    private const string Folder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

    /// <summary>
    /// Pages that a mapping can get now: free ones, less those that are promised to mappings already. 0 where there is no pool.
    /// </summary>
    public static long Available() => Math.Max(0, Read("free_hugepages") - Read("resv_hugepages"));

    private static long Read(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture) : 0;
    }
}
