namespace UffdActors.Stress.Injection;

/// <summary>Real time for threads, which are no actors.</summary>
internal static class Moments
{
    /// <summary>Ends after milliseconds, or at once when it is cancelled.</summary>
    public static async Task AfterAsync(int milliseconds, CancellationToken cancel)
    {
        TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Timer timer = new(_ => over.TrySetResult(), null, milliseconds, Timeout.Infinite);
        await using CancellationTokenRegistration cancelled = cancel.Register(() => over.TrySetResult());
        await over.Task;
    }
}
