namespace UffdActors.PostCopy;

/// <summary>Watches for progress, so that a hang is reported.</summary>
internal sealed class StallWatch(Running running, TimeSpan patience, CancellationTokenSource giveUp)
{
    private volatile string? _report;

    /// <summary>What was outstanding when it gave up; null if it did not.</summary>
    public string? Report => _report;

    /// <summary>Starts watching. Not needed on virtual time: there a hang is found by the dispatcher, since nothing can run.</summary>
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
