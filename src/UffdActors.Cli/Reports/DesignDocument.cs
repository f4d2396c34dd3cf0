using UffdActors.Conformance.Cells;
using UffdActors.Conformance.Designs;

namespace UffdActors.Cli.Reports;

/// <summary>Designs and modules for machines.</summary>
internal static class DesignDocument
{
    public static string Of(DesignStudy study) => JsonText.Of("uffd-designs", new
    {
        Results = study.Results.Select(result => new
        {
            result.Design,
            result.Description,
            result.Module,
            SharedModes = result.SharedModes.Select(Cell.LettersOf),
            PrivateModes = result.PrivateModes.Select(Cell.LettersOf),
            Fills = result.Fills.Select(DesignCheck.Name),
            result.Members,
            Checks = result.Checks.Select(
                check => new { check.Number, check.Rule, Passed = check.Failure is null, OfDesign = check.IsOfDesign, check.Failure }),
            FaultNanoseconds = result.FaultNanoseconds is { } nanoseconds ? Math.Round(nanoseconds) : (double?)null,
        }),
    }, version: 2);
}
