using UffdActors.Handling;

namespace UffdActors.PostCopy;

/// <summary>What a migration is at.</summary>
public enum PostCopyPhase
{
    /// <summary>The guest runs on the destination, and its memory follows.</summary>
    Migrating,

    /// <summary>Everything is there, and is compared with the source.</summary>
    Verifying,
}

/// <summary>How far a migration is.</summary>
/// <param name="Phase">What it is at.</param>
/// <param name="Elapsed">Since the first access.</param>
/// <param name="ReceivedPages">Base pages that are there.</param>
/// <param name="Pages">Base pages of the guest.</param>
/// <param name="Accesses">Accesses of the guest that are through.</param>
/// <param name="Faults">Faults so far.</param>
/// <param name="Outstanding">Pages being resolved.</param>
public sealed record PostCopySnapshot(
    PostCopyPhase Phase, TimeSpan Elapsed, long ReceivedPages, long Pages, long Accesses, long Faults, int Outstanding);

/// <summary>Nothing has moved for too long; the message says what everybody waits for.</summary>
public sealed class StalledException : Exception
{
    /// <summary>Makes the exception.</summary>
    public StalledException(string message)
        : base(message)
    {
    }
}

/// <summary>A migration under way.</summary>
internal sealed class Running(
    UffdVm vm, Userfault uffd, VcpuGroup vcpus, BackgroundPush? push, long pages, long start, EndingIncident ending)
{
    private volatile PostCopyPhase _phase;

    /// <summary>The incident after which it cannot go on; null if there was none.</summary>
    public Incident? EndedBy => ending.Incident;

    /// <summary>Cancelled by it.</summary>
    public CancellationToken Ended => ending.Token;

    public UffdVm Vm => vm;

    public VcpuGroup Vcpus => vcpus;

    public BackgroundPush? Push => push;

    public PostCopyPhase Phase
    {
        get => _phase;
        set => _phase = value;
    }

    public PostCopySnapshot Snapshot() => new(
        Phase, TimeSpan.FromTicks((vm.Now - start) / TimeSpan.NanosecondsPerTick),
        push?.ReceivedPages ?? uffd.ReceivedOf(vm.Regions[0]).Count, pages, vcpus.Accesses, uffd.Faults, uffd.Outstanding);

    /// <summary>What everybody waits for, in a sentence.</summary>
    public string Describe()
    {
        PostCopySnapshot now = Snapshot();
        string outstanding = string.Join(", ", uffd.Reader!.OutstandingRequests().Take(4).Select(Describe));
        return $"{now.ReceivedPages} of {now.Pages} pages received, {now.Accesses} accesses done, {now.Outstanding} pages "
            + $"outstanding{(outstanding.Length > 0 ? ": " + outstanding : "")}";
    }

    private static string Describe(PageRequest request) => $"0x{request.Address:x} ({request.Phase}, attempt {request.Attempts})";
}

/// <summary>Watches for progress; a hang is never silent.</summary>
internal sealed class StallWatch(Running running, TimeSpan patience, CancellationTokenSource giveUp)
{
    private volatile string? _report;

    /// <summary>What everybody waited for when it gave up; null if it did not.</summary>
    public string? Report => _report;

    /// <summary>Starts watching. On virtual time there is nothing to watch: a hang there is found by itself.</summary>
    public IAsyncDisposable Start(bool enabled)
    {
        (long Received, long Accesses) last = (-1, -1);
        return enabled ? new Timer(_ => Look(), null, patience, patience) : new Timer(_ => { });

        void Look()
        {
            PostCopySnapshot now = running.Snapshot();
            if ((now.ReceivedPages, now.Accesses) != last)
            {
                last = (now.ReceivedPages, now.Accesses);
                return;
            }

            _report = FormattableString.Invariant($"Nothing has moved for {patience.TotalSeconds:0} seconds: {running.Describe()}.");
            giveUp.Cancel();
        }
    }
}

/// <summary>Waits for an incident after which a migration cannot go on, for nobody is there who would recover.</summary>
internal sealed class EndingIncident
{
    private readonly CancellationTokenSource _ended = new();
    private Incident? _incident;

    /// <summary>The first such one; null if there was none.</summary>
    public Incident? Incident => Volatile.Read(ref _incident);

    /// <summary>Cancelled by it.</summary>
    public CancellationToken Token => _ended.Token;

    /// <summary>Takes an incident; on the thread that reports it.</summary>
    public void Take(Incident incident)
    {
        if (!PostCopyMigration.IsEnd(incident)) return;
        if (Interlocked.CompareExchange(ref _incident, incident, null) is not null) return;
        // Whoever is told of it must not run in a turn of the VM.
        _ = _ended.CancelAsync();
    }
}
