namespace UffdActors.Explore.Scenarios;

/// <summary>A value of a scenario's text, with the line that it stands on: a word, a list, or keys with values.</summary>
/// <param name="Line">Line, from 1.</param>
internal sealed record ScenarioNode(int Line)
{
    /// <summary>The word, if it is one.</summary>
    public string? Word { get; init; }

    /// <summary>The items, if it is a list.</summary>
    public List<ScenarioNode>? Items { get; init; }

    /// <summary>The values by their keys, if it has keys.</summary>
    public Dictionary<string, ScenarioNode>? Keys { get; init; }

    /// <summary>What it is, for a message.</summary>
    public string Kind => Word is not null ? $"\"{Word}\"" : Items is not null ? "a list" : "a block";
}
