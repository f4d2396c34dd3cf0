using System.Text.Json.Nodes;

namespace UffdActors.Pictures.Charts;

/// <summary>Pieces of a figure of plotly.</summary>
internal static class Plotly
{
    /// <summary>An axis with a title.</summary>
    public static JsonObject Axis(string title, string? type = null)
    {
        JsonObject axis = new() { ["title"] = new JsonObject { ["text"] = title } };
        if (type is not null) axis["type"] = type;
        return axis;
    }

    /// <summary>Numbers; a gap for null.</summary>
    public static JsonArray Numbers(IEnumerable<double?> values) =>
        [.. values.Select(v => v is { } value ? JsonValue.Create(value) : null)];

    /// <summary>Numbers.</summary>
    public static JsonArray Numbers(IEnumerable<double> values) => [.. values.Select(v => JsonValue.Create(v))];

    /// <summary>Texts.</summary>
    public static JsonArray Texts(IEnumerable<string> values) => [.. values.Select(v => JsonValue.Create(v))];

    /// <summary>A line.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="color">Its color.</param>
    /// <param name="dash">solid, dash or dot: so that lines are told apart without color.</param>
    /// <param name="x">Where its points are.</param>
    /// <param name="y">How high.</param>
    public static JsonObject Line(string name, string color, string dash, JsonArray x, JsonArray y) => new()
    {
        ["type"] = "scatter",
        ["mode"] = "lines",
        ["name"] = name,
        ["x"] = x,
        ["y"] = y,
        ["line"] = new JsonObject { ["color"] = color, ["width"] = 2, ["dash"] = dash },
    };

    /// <summary>A color scale of as many even steps as there are colors, for cells that are a number of a kind.</summary>
    public static JsonArray Steps(IReadOnlyList<string> colors)
    {
        JsonArray scale = [];
        for (int i = 0; i < colors.Count; i++)
        {
            scale.Add(new JsonArray((double)i / colors.Count, colors[i]));
            scale.Add(new JsonArray((double)(i + 1) / colors.Count, colors[i]));
        }

        return scale;
    }
}
