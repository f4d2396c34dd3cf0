using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Html;

/// <summary>What a page shows, from top to bottom.</summary>
internal sealed record HtmlReport
{
    /// <summary>What it is about, in some words.</summary>
    public required string Title { get; init; }

    /// <summary>How it went, in a sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>True if it went well; null if there is nothing to be judged.</summary>
    public required bool? IsGood { get; init; }

    /// <summary>What is said of the run as a whole.</summary>
    public IReadOnlyList<RunFact> Facts { get; init; } = [];

    /// <summary>Charts.</summary>
    public IReadOnlyList<Chart> Charts { get; init; } = [];

    /// <summary>Tables that no chart has.</summary>
    public IReadOnlyList<HtmlTable> Tables { get; init; } = [];

    /// <summary>Drawings that are SVG already.</summary>
    public IReadOnlyList<HtmlDrawing> Drawings { get; init; } = [];

    /// <summary>What must be known to read the figures; the last line.</summary>
    public string Note { get; init; } = "";

    /// <summary>The table of what went wrong.</summary>
    public static HtmlTable IncidentsOf(RunHistory run) => new(
        "incidents", "Incidents",
        run.Incidents.Count == 0
            ? "None."
            : $"{Words.Count(run.Incidents.Count + run.MoreIncidents)} in all"
                + (run.MoreIncidents > 0 ? $"; the first {Words.Count(run.Incidents.Count)} are here." : "."),
        new TextTable(
            ["after", "kind", "message"],
            [.. run.Incidents.Select(i => new[] { Words.Time(i.Nanoseconds), i.Kind, i.Message })]));
}
