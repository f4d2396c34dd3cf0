namespace UffdActors.Kvm.Snapshots;

/// <summary>How a guest is restored.</summary>
internal sealed record RestoreOptions
{
    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>Handlers that share the userfaultfd.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>What is fetched beside demand; null for nothing.</summary>
    public PrefetchOptions? Prefetch { get; init; }

    /// <summary>How long the guest may run.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Called with incidents, on the thread that reports.</summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>For tests: wraps the source. Null for none.</summary>
    public Func<IPageSource, IPageSource>? AroundSource { get; init; }
}
