using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Worlds;

/// <summary>The memory modules of a world.</summary>
internal sealed record WorldModules(MemoryModule Shmem, MemoryModule GuestMemfd)
{
    /// <summary>Those that ship.</summary>
    public static WorldModules Shipped { get; } = new(new Shmem(), new GuestMemfd());

    /// <summary>Core fills huge pages by itself, so there are no hooks that could fail.</summary>
    public MemoryModule Hugetlb { get; } = new Hugetlb();
}
