using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Cells;

/// <summary>A kind of memory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsShared">MAP_SHARED.</param>
/// <param name="NewModule">Makes its module; null for anonymous memory.</param>
/// <param name="Flags">Flags of creation of a guest_memfd.</param>
internal sealed record CellMemory(string Name, bool IsShared, Func<MemoryModule>? NewModule, GuestMemfdFlags Flags = GuestMemfdFlags.Shared)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CellMemory> All { get; } =
    [
        new("anon", false, null),
        new("shmem", true, () => new Shmem()),
        new("shmem-private", false, () => new Shmem()),
        new("hugetlb", true, () => new Hugetlb()),
        new("hugetlb-private", false, () => new Hugetlb()),
        new("hugetlb-1g", true, () => new Hugetlb(PageSize.GiantShift)),
        new("guest-memfd", true, () => new GuestMemfd()),
        new("guest-memfd-unshared", true, () => new GuestMemfd(), GuestMemfdFlags.Mmap),
        new("file", true, () => new PlainFile()),
        new("file-private", false, () => new PlainFile()),
    ];

    /// <summary>True for memory with a page cache.</summary>
    public bool HasCache => NewModule is not null;

    /// <summary>log2 of the page size.</summary>
    public int PageShift => NewModule?.Invoke().PageShift ?? PageSize.BaseShift;

    /// <summary>The memory of a name, or null.</summary>
    public static CellMemory? Find(string name) => All.FirstOrDefault(m => m.Name == name);

    internal MemoryFile? NewFile(Machine machine, long bytes) => NewModule?.Invoke() switch
    {
        null => null,
        GuestMemfd guest => guest.CreateFile(machine, bytes, Flags),
        MemoryModule module => module.CreateFile(machine, bytes),
    };
}
