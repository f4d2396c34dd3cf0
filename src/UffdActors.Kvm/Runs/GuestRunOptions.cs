using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Runs;

/// <summary>How a guest program is run.</summary>
internal sealed record GuestRunOptions
{
    /// <summary>The guest.</summary>
    public required GuestPlan Plan { get; init; }

    /// <summary>The pages that it works on, as many as in the plan; stays the caller's.</summary>
    public required GuestImage Image { get; init; }

    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>How faults are resolved.</summary>
    public PostCopyMode Mode { get; init; }

    /// <summary>Handlers that share the userfaultfd.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>What is fetched beside demand; null for nothing.</summary>
    public PrefetchOptions? Prefetch { get; init; }

    /// <summary>Told of each fault of a vCPU while the guest is served, in turns of the fault loop; null for none.</summary>
    public Action<FaultTrace>? FaultObserver { get; init; }

    /// <summary>Record which pages the guest faults on.</summary>
    public bool RecordWorkingSet { get; init; }

    /// <summary>How long the guest may run.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Called with incidents of the served run, on the thread that reports.</summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>For a test of the verdict: wraps the source of the served guest. Null for none.</summary>
    public Func<IPageSource, IPageSource>? AroundSource { get; init; }

    /// <summary>Another program than the plan's; null for that.</summary>
    public byte[]? Program { get; init; }
}
