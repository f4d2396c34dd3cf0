namespace UffdActors.Failures;

/// <summary>
/// An observer of the embedder's, which is called in turns of the VM: what it throws is reported once, and what it was to be told goes on.
/// </summary>
/// <param name="name">Its option.</param>
/// <param name="observer">The observer.</param>
/// <param name="incidents">Told of the first failure.</param>
internal sealed class GuardedObserver<T>(string name, Action<T> observer, IncidentLog incidents)
{
    private int _hasFailed;

    /// <summary>Calls it. Any thread.</summary>
    public void Tell(T what)
    {
        try
        {
            observer(what);
        }
        catch (Exception e)
        {
            if (Interlocked.Exchange(ref _hasFailed, 1) != 0) return;
            incidents.Report(new Incident(
                IncidentKind.HookFailed,
                $"{name} has thrown ({e.Message}); it is called on, and what else it throws is not reported.", e));
        }
    }
}
