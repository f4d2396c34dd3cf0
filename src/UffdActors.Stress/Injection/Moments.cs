namespace UffdActors.Stress.Injection;

/// <summary>Delays in real time, for threads that are no actors.</summary>
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
