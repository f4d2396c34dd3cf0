using System.Globalization;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>The guest of a migration's source, on vCPUs of this library.</summary>
/// <param name="machine">Its machine.</param>
/// <param name="guest">The guest.</param>
/// <param name="here">Accesses that it does here before it is handed over.</param>
internal sealed class SimulatedSender(SendingMachine machine, WorkloadGuest guest, long here) : ISendingGuest
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    /// <inheritdoc />
    public UffdVm Vm => machine.Vm;

    /// <inheritdoc />
    public Userfault? Userfault => machine.Userfault;

    /// <inheritdoc />
    public ISourceGuest Guest => guest;

    /// <inheritdoc />
    public string Progress => string.Create(CultureInfo.InvariantCulture, $"{guest.Accesses} of {guest.AllAccesses} accesses");

    /// <inheritdoc />
    public async Task RunAsync(MigrationSource source, bool isTimed, CancellationToken cancel)
    {
        await guest.BeginAsync(machine.Vm, isTimed ? here : null, cancel);
        if (!isTimed) return;
        using PeriodicTimer timer = new(Look);
        while (guest.Accesses < Math.Min(here, guest.AllAccesses)) _ = await timer.WaitForNextTickAsync(cancel);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => machine.DisposeAsync();
}
