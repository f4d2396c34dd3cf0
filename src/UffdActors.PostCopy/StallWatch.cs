namespace UffdActors.PostCopy;

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
