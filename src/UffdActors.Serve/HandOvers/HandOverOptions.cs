namespace UffdActors.Serve;

/// <summary>How a hand-over is received.</summary>
public sealed record HandOverOptions
{
    /// <summary>How long a VMM may take from connecting to the end of its first message; above zero.</summary>
    public TimeSpan TimeOut { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock of the time-out.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
