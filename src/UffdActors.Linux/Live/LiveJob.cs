namespace UffdActors.Linux.Live;

/// <summary>
/// A call of the embedder on a userfaultfd, or a slice of one, made in a turn of the backend: so it never falls between what handlers
/// decide and what they do, and never into the time between the hook for a write and the clearing that follows it.
/// </summary>
/// <param name="call">Makes it; null if it goes on in another turn, for which it has sent a job.</param>
/// <param name="done">Its answer.</param>
/// <param name="cancel">Cancels it, if it has not begun.</param>
internal sealed class LiveJob(Func<IoctlResult?> call, TaskCompletionSource<IoctlResult> done, CancellationToken cancel)
{
    /// <summary>Makes the call, unless it has been cancelled by now.</summary>
    public void Run()
    {
        if (cancel.IsCancellationRequested)
        {
            _ = done.TrySetCanceled(cancel);
            return;
        }

        try
        {
            if (call() is { } result) _ = done.TrySetResult(result);
        }
        catch (Exception e)
        {
            _ = done.TrySetException(e);
        }
    }
}
