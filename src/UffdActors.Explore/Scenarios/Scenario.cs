using System.Collections.Immutable;
using UffdActors.Explore.Faults;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Scenarios;

/// <summary>
/// A few regions, userfaultfds and threads: what exists, what each thread does, and which faults may be injected. The order of events is
/// not part of it.
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

    /// <summary>Actions of the set-up, made in order before the exploration begins.</summary>
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
    /// Seed of its schedules: that of the program, if it was drawn from one, so that exploring it alone repeats what was found among
    /// thousands; null for the seed of the exploration.
    /// </summary>
    public ulong? Seed { get; init; }

    /// <summary>Pages of all regions.</summary>
    public int Pages => Regions.Sum(r => r.Pages);

    /// <summary>Where its regions lie, and how large their pages are: hugetlb shares a scenario with no other memory.</summary>
    public RegionLayout Layout =>
        new(Regions.Any(r => r.Memory == MemoryKind.Hugetlb) ? PageSize.HugeShift : PageSize.BaseShift);

    /// <summary>Actions of all threads: what shrinking counts first.</summary>
    public int Actions => Threads.Sum(t => t.Actions.Length);

    /// <summary>The scenario, on a kernel with swap if a thread uses MADV_PAGEOUT, which does nothing without swap.</summary>
    public Scenario WithSwap() => Has(ActionKind.PageOut) ? this with { Kernel = Kernel with { Swap = true } } : this;

    /// <summary>True if threads only touch pages and free them.</summary>
    public bool OnlyTouchesAndGivesBack => Threads.All(t => t.Actions.All(
        a => a.Kind is ActionKind.Read or ActionKind.Write or ActionKind.DontNeed or ActionKind.Remove or ActionKind.Wake));

    /// <summary>True if an action of the kind is in the scenario.</summary>
    public bool Has(ActionKind kind) => Threads.Any(t => t.Actions.Any(a => a.Kind == kind));
}
