namespace UffdActors.Cli.Options;

/// <summary>What an option's name stands for. The help prints a default by its text, and that must be what can be typed.</summary>
internal sealed record Named<T>(string Name, T Value)
{
    /// <inheritdoc />
    public override string ToString() => Name;
}
