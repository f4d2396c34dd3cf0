namespace UffdActors.Serve;

/// <summary>How a hand-over is received.</summary>
public sealed record HandOverOptions
{
    /// <summary>How long a VMM may take from connecting to the end of its first message; above zero.</summary>
    public TimeSpan TimeOut { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// What becomes of a VMM whose hand-over is refused although it has brought its userfaultfd. It is killed in any case if it holds no
    /// descriptor of its own.
    /// </summary>
    public FailurePolicy OnRefusal { get; init; }

    /// <summary>The clock of the time-out.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
