namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>A guest whose state cannot be loaded.</summary>
internal sealed class UnloadableGuest : IDestinationGuest
{
    public Task PrepareAsync(UffdVm vm, CancellationToken cancel) => Task.CompletedTask;

    public Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancel) =>
        throw new MigrationException("this machine has no such device");

    public Task StartAsync(CancellationToken cancel) => throw new InvalidOperationException("It was not loaded.");

    public Task AbortAsync(CancellationToken cancel) => Task.CompletedTask;

    public Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancel) => throw new InvalidOperationException("It does not run.");
}
