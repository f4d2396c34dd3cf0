using UffdActors.Actors;
using UffdActors.Statistics;

namespace UffdActors.Calls;

/// <summary>
/// Calls that are made one after another, in the order in which they were begun: each decides on what the one before has left.
/// </summary>
internal sealed class CallTurns(VmRoot root)
{
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Makes a call when those that were begun before it are over; a VM that fails meanwhile ends the wait.</summary>
    /// <param name="name">Name of the call, for its activity.</param>
    /// <param name="call">Makes it.</param>
    /// <param name="cancel">Cancels it before its turn.</param>
    public Task<T> InTurnAsync<T>(string name, Func<Task<T>> call, CancellationToken cancel) =>
        UffdActivities.CallAsync(name, root.Name, () => MakeInTurnAsync(call, cancel));

    private async Task<T> MakeInTurnAsync<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        Task turn = _turn.WaitAsync(cancel);
        try
        {
            await root.OrFailed(turn);
            return await call();
        }
        finally
        {
            if (turn.IsCompletedSuccessfully) _ = _turn.Release();
            // Given up before its turn: when that comes, the next one has it.
            else _ = turn.ContinueWith(
                _ => _turn.Release(), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <inheritdoc cref="InTurnAsync{T}"/>
    public Task InTurnAsync(string name, Func<Task> call, CancellationToken cancel) => InTurnAsync(
        name,
        async () =>
        {
            await call();
            return true;
        },
        cancel);
}
