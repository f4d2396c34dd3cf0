namespace UffdActors.Stress.Injection;

/// <summary>Counts of injected faults, and of errors that resolvers got. Safe for any thread.</summary>
internal sealed class InjectedCounts
{
    private readonly long[] _counts = new long[Enum.GetValues<Injected>().Length];

    /// <summary>How often.</summary>
    public long this[Injected what] => Volatile.Read(ref _counts[(int)what]);

    /// <summary>Once more.</summary>
    public void Add(Injected what) => _ = Interlocked.Increment(ref _counts[(int)what]);

    /// <summary>A fill has ended.</summary>
    public void AddFill(Errno error)
    {
        if (error == Errno.EEXIST) Add(Injected.Eexist);
        else if (error == Errno.EAGAIN) Add(Injected.Eagain);
    }
}
