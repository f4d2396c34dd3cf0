namespace UffdActors.Handling;

/// <summary>A handler as the reader knows it.</summary>
internal sealed class HandlerSlot(int number, MonitorThread thread)
{
    private int _incarnation;

    /// <summary>Number among the handlers of the context.</summary>
    public int Number { get; } = number;

    /// <summary>The thread on whose behalf the handler calls.</summary>
    public MonitorThread Thread { get; } = thread;

    /// <summary>Raised whenever the handler crashes: what an earlier one was asked is void.</summary>
    public int Incarnation => Volatile.Read(ref _incarnation);

    /// <summary>Its calls of the page source, whichever incarnation makes them.</summary>
    public ForeignCall Call { get; } = new();

    public void NextIncarnation() => Interlocked.Increment(ref _incarnation);
}
