using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Stress;

/// <summary>Result of a run.</summary>
internal sealed record StressReport
{
    /// <summary>Its options.</summary>
    public required StressOptions Options { get; init; }

    /// <summary>What it ran on.</summary>
    public required VmPlace Place { get; init; }

    /// <summary>Dispatcher of the ring.</summary>
    public required string Dispatcher { get; init; }

    /// <summary>Pages could be, and were, write-protected.</summary>
    public required bool WriteProtect { get; init; }

    /// <summary>There is swap, so that MADV_PAGEOUT removes pages from the page tables.</summary>
    public required bool HasSwap { get; init; }

    /// <summary>It was interrupted before its time was over.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>What happened.</summary>
    public required StressSnapshot Totals { get; init; }

    /// <summary>How often each oracle was checked.</summary>
    public required IReadOnlyList<(StressOracle Oracle, long Times)> Checks { get; init; }

    /// <summary>The first violation; null if there was none.</summary>
    public required StressViolation? Violation { get; init; }

    /// <summary>What the run must have exercised: below that, the absence of violations proves nothing.</summary>
    public IReadOnlyList<StressFloor> Floors
    {
        get
        {
            List<StressFloor> floors =
            [
                new("faults", 1, Totals.Faults),
                // The last check of a round compares every page.
                new("pages compared in full", (long)Totals.Rounds * Options.Pages, Totals.WholePages),
            ];
            if (Options.Vcpus > 1) floors.Add(new("locks found taken", 1, Totals.Contended));
            if (Options.EexistRate > 0) floors.Add(new("fills that raced (EEXIST)", 1, Totals.Eexist));
            return floors;
        }
    }

    /// <summary>At least one round was checked to its end, without a violation, and every floor was reached.</summary>
    public bool Passed => Violation is null && Totals.Rounds > 0 && Floors.All(f => f.IsMet);
}
