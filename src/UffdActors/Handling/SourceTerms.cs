using UffdActors.Failures;
using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>What is asked of the page sources of a context.</summary>
/// <param name="Patience">How long a failing one is waited for.</param>
/// <param name="Incidents">Where incidents are reported; null for nowhere.</param>
/// <param name="Memory">Tells whether the memory that it names can be read; null to take it at its word.</param>
/// <param name="MayFault">True of pages of this process whose faults only the filling loop could resolve; null if there are none.</param>
/// <param name="TakesBytes">Guest memory has bytes.</param>
/// <param name="TakesStamps">Guest memory has stamps.</param>
/// <param name="AsksAgain">An order that is not answered in full is given again after the patience, and later and later then.</param>
/// <param name="Calls">Notices calls that do not return; null without that watch.</param>
internal sealed record SourceTerms(
    Patience Patience, IncidentLog? Incidents = null, ReadableMemory? Memory = null, Func<PageRange, bool>? MayFault = null,
    bool TakesBytes = true, bool TakesStamps = true, bool AsksAgain = false, ForeignCalls? Calls = null);
