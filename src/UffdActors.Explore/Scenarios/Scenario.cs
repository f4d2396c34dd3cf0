using System.Collections.Immutable;
using UffdActors.Abi;
using UffdActors.Explore.Faults;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Scenarios;

/// <summary>What a region is made of.</summary>
internal enum MemoryKind
{
    /// <summary>Private anonymous memory.</summary>
    Anonymous,

    /// <summary>Shared memory of the module shmem.</summary>
    Shmem,

    /// <summary>Private mapping of a shmem file.</summary>
    ShmemPrivate,

    /// <summary>Shared memory of the module guest-memfd.</summary>
    GuestMemfd,

    /// <summary>Shared memory of the pool of huge pages.</summary>
    Hugetlb,

    /// <summary>Nothing is mapped there: a place to move to.</summary>
    Nothing,
}

/// <summary>A region of guest memory.</summary>
/// <param name="Name">Name.</param>
/// <param name="Pages">Size in pages of the scenario.</param>
/// <param name="Memory">What it is made of.</param>
/// <param name="Alias">A second mapping, through which content goes in, all of it populated.</param>
/// <param name="Zeros">Pages of which the source says that they are zeros.</param>
internal sealed record RegionPlan(string Name, int Pages, MemoryKind Memory, bool Alias, ImmutableArray<int> Zeros);

/// <summary>A userfaultfd.</summary>
/// <param name="Name">Name.</param>
/// <param name="Features">Features of its handshake.</param>
/// <param name="Registered">Regions and the modes that they are registered with.</param>
/// <param name="Handlers">Handlers that serve it; 0 if the scenario's threads read and resolve by themselves.</param>
/// <param name="SourceActor">An actor in front of the page source; needed for answers that come late.</param>
/// <param name="Push">The background push fills every registered region.</param>
internal sealed record ContextPlan(
    string Name, UffdFeatures Features, ImmutableArray<Registered> Registered, int Handlers, bool SourceActor, bool Push);

/// <summary>A registration.</summary>
internal readonly record struct Registered(int Region, RegisterModes Modes);

/// <summary>A thread and what it does, one after the other.</summary>
internal sealed record ThreadPlan(string Name, ImmutableArray<ThreadAction> Actions);

/// <summary>
/// A small world with a few threads: what exists, what each thread does, and which faults may be injected. In which order things happen
/// is not part of it.
/// </summary>
internal sealed record Scenario
{
    /// <summary>Name; file name without its ending.</summary>
    public required string Name { get; init; }

    /// <summary>What it is about, in a sentence.</summary>
    public required string Summary { get; init; }

    /// <summary>The kernel.</summary>
    public required KernelProfile Kernel { get; init; }

    /// <summary>Pages of physical memory.</summary>
    public required int MemoryPages { get; init; }

    /// <summary>Regions.</summary>
    public required ImmutableArray<RegionPlan> Regions { get; init; }

    /// <summary>Userfaultfds.</summary>
    public required ImmutableArray<ContextPlan> Contexts { get; init; }

    /// <summary>What is done before the exploration begins, in order.</summary>
    public required ImmutableArray<ThreadAction> Setup { get; init; }

    /// <summary>Threads.</summary>
    public required ImmutableArray<ThreadPlan> Threads { get; init; }

    /// <summary>Fault points that a run may use.</summary>
    public required ImmutableArray<FaultPoint> Faults { get; init; }

    /// <summary>
    /// True in liveness mode: injected faults end at some point, and from there on every thread must finish. False in safety mode:
    /// anything may hang, nothing may be wrong.
    /// </summary>
    public bool MustFinish { get; init; } = true;

    /// <summary>The choices that made it; empty if it was written by hand.</summary>
    public ImmutableArray<int> Program { get; init; } = [];

    /// <summary>
    /// Seed of its schedules: that of the program, if it was drawn from one, so that exploring it alone finds what exploring thousands has
    /// found; null for the seed of the exploration.
    /// </summary>
    public ulong? Seed { get; init; }

    /// <summary>Pages of all regions.</summary>
    public int Pages => Regions.Sum(r => r.Pages);

    /// <summary>Where its regions lie, and how large their pages are: hugetlb shares a scenario with no other memory.</summary>
    public RegionLayout Layout =>
        new(Regions.Any(r => r.Memory == MemoryKind.Hugetlb) ? PageSize.HugeShift : PageSize.BaseShift);

    /// <summary>Actions of all threads: what shrinking counts first.</summary>
    public int Actions => Threads.Sum(t => t.Actions.Length);

    /// <summary>The scenario on a kernel that has swap where a thread pages out, which does nothing without.</summary>
    public Scenario WithSwap() => Has(ActionKind.PageOut) ? this with { Kernel = Kernel with { Swap = true } } : this;

    /// <summary>True if an action of the kind is in the scenario.</summary>
    public bool Has(ActionKind kind) => Threads.Any(t => t.Actions.Any(a => a.Kind == kind));
}
