using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Scenes;

/// <summary>The memory modules of a run.</summary>
internal sealed record RunModules(MemoryModule Shmem, MemoryModule GuestMemfd)
{
    /// <summary>Those that ship.</summary>
    public static RunModules Shipped { get; } = new(new Shmem(), new GuestMemfd());

    /// <summary>Huge pages are filled by core, without hooks of a module that could fail.</summary>
    public MemoryModule Hugetlb { get; } = new Hugetlb();
}
