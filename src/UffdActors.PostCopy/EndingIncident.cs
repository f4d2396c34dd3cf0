namespace UffdActors.PostCopy;

/// <summary>Waits for an incident that ends a migration within one process, since no operator is there to recover from it.</summary>
internal sealed class EndingIncident
{
    private readonly CancellationTokenSource _ended = new();
    private Incident? _incident;
    private bool _isOn;

    /// <summary>The first such one; null if there was none.</summary>
    public Incident? Incident => Volatile.Read(ref _incident);

    /// <summary>Cancelled by it.</summary>
    public CancellationToken Token => _ended.Token;

    /// <summary>Incidents count from here on: before the guest runs, a failure ends the call that it occurs in.</summary>
    public void Begin() => Volatile.Write(ref _isOn, true);

    /// <summary>Takes an incident; on the thread that reports it.</summary>
    public void Take(Incident incident)
    {
        if (!Volatile.Read(ref _isOn) || !PostCopyMigration.IsEnd(incident)) return;
        if (Interlocked.CompareExchange(ref _incident, incident, null) is not null) return;
        // Asynchronously: the callbacks of the token must not run in a turn of the VM.
        _ = _ended.CancelAsync();
    }
}
