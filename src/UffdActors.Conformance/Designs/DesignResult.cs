using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Designs;

/// <summary>One module under one design.</summary>
/// <param name="Design">Letter of the design.</param>
/// <param name="Description">What the design is.</param>
/// <param name="Module">Name of the module.</param>
/// <param name="SharedModes">Mode sets that REGISTER accepts on a shared mapping.</param>
/// <param name="PrivateModes">The same on a private mapping.</param>
/// <param name="Fills">Fills that work on a shared mapping registered with all that it accepts.</param>
/// <param name="Members">Members that the module must implement.</param>
/// <param name="Checks">The checks.</param>
internal sealed record DesignResult(
    string Design,
    string Description,
    string Module,
    IReadOnlyList<RegisterModes> SharedModes,
    IReadOnlyList<RegisterModes> PrivateModes,
    IReadOnlyList<FillKind> Fills,
    IReadOnlyList<string> Members,
    IReadOnlyList<CheckResult> Checks)
{
    /// <summary>Median time of a MINOR fault and its CONTINUE in nanoseconds, mechanism only; null if it cannot be registered.</summary>
    public double? FaultNanoseconds { get; init; }
}
