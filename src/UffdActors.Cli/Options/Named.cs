namespace UffdActors.Cli.Options;

/// <summary>A value of an option, with its name. The help prints a default by its text, which must be what can be typed.</summary>
internal sealed record Named<T>(string Name, T Value)
{
    /// <inheritdoc />
    public override string ToString() => Name;
}
