using System.Text.Json.Nodes;

namespace UffdActors.Pictures.Charts;

/// <summary>
/// A chart as a figure of plotly: its data and layout, what it says in a sentence, and the same as a table. A color is written as "@NAME":
/// the page knows each in a light and a dark form.
/// </summary>
/// <param name="Id">Name within the page: letters and hyphens.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Summary">What is to be seen in it, in a sentence or two.</param>
/// <param name="Data">Traces of plotly.</param>
/// <param name="Layout">Layout of plotly, over the page's own.</param>
/// <param name="Table">The same as a table.</param>
internal sealed record Chart(string Id, string Title, string Summary, JsonArray Data, JsonObject Layout, TextTable Table)
{
    /// <summary>Height in CSS pixels.</summary>
    public int Height { get; init; } = 360;

    /// <summary>Colors and what they mean, where plotly has no legend for it.</summary>
    public IReadOnlyList<(string Color, string Meaning)> Legend { get; init; } = [];
}
