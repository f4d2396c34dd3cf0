using UffdActors.Kvm.Moves;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>A guest that goes back and forth, where it is now.</summary>
/// <param name="Program">The guest, ready to leave.</param>
/// <param name="Arrived">How it came; null for one that was booted here.</param>
/// <param name="Destination">What it came by; null for one that was booted here.</param>
internal sealed record ShuttleGuest(LeavingProgram Program, ArrivingProgram? Arrived, MigrationDestination? Destination) : IAsyncDisposable
{
    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await Program.DisposeAsync();
        if (Arrived is not null) await Arrived.DisposeAsync();
        if (Destination is not null) await Destination.DisposeAsync();
    }
}
