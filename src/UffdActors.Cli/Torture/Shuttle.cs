using System.Globalization;
using UffdActors.Kvm;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>
/// One of two processes between which KVM guests go back and forth: the one that has the guest sends it, the other receives it, and then
/// they change places. Where a guest ends, it is compared with the same guest that never moved, run there afterwards.
/// </summary>
/// <param name="runtime">Runtime of the live world.</param>
/// <param name="kvm">KVM.</param>
/// <param name="here">Where this process listens.</param>
/// <param name="there">Where the other one does.</param>
/// <param name="tell">Takes a line of <see cref="ShuttleTally"/>, or about a step; from any thread.</param>
internal sealed class Shuttle(UffdRuntime runtime, KvmHost kvm, MigrationAddress here, MigrationAddress there, Action<string> tell)
{
    private static readonly TimeSpan RetryEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan GuestDeadline = TimeSpan.FromMinutes(5);

    // A source that has sent its Bye is gone; if that gets lost, nobody connects any more.
    private const int LooksAtSilence = 150;

    /// <summary>Lets guests go back and forth.</summary>
    /// <param name="seed">Seed of all trips.</param>
    /// <param name="moves">Migrations, of both directions together.</param>
    /// <param name="begins">The first guest starts here.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task RunAsync(ulong seed, int moves, bool begins, CancellationToken cancel)
    {
        bool hasGuest = begins;
        for (int guest = 0; moves > 0; guest++)
        {
            ShuttleTrip trip = ShuttleTrip.Draw(seed, guest);
            ShuttleMove[] way = [.. trip.Moves.Take(moves)];
            moves -= way.Length;
            ShuttleGuest? at = hasGuest ? await BootAsync(trip, way[0].Rounds is not null, cancel) : null;
            try
            {
                foreach (ShuttleMove move in way)
                {
                    if (at is not null)
                    {
                        await SendAsync(at, move, cancel);
                        await at.DisposeAsync();
                        at = null;
                    }
                    else
                    {
                        at = await ReceiveAsync(move, cancel);
                    }
                }

                if (at is not null) await EndAsync(guest, trip, at, cancel);
                hasGuest = at is not null;
            }
            finally
            {
                if (at is not null) await at.DisposeAsync();
            }
        }
    }

    private async Task<ShuttleGuest> BootAsync(ShuttleTrip trip, bool tracks, CancellationToken cancel)
    {
        using GuestImage image = GuestImage.Make(trip.Plan.DataPages << GuestPlan.PageShift, trip.Seed, cancellationToken: cancel);
        LeavingProgram program = await LeavingProgram.BootAsync(runtime, kvm, trip.Plan, image, null, tracks, cancel);
        await program.BeginAsync(cancel);
        return new ShuttleGuest(program, null, null);
    }

    private async Task SendAsync(ShuttleGuest guest, ShuttleMove move, CancellationToken cancel)
    {
        await Task.Delay(move.RunsFirst, TimeProvider.System, cancel);
        LeavingProgram program = guest.Program;
        MigrationSource source = new(program.Program.Vm, program.Userfault, program, new MigrationSourceOptions
        {
            Address = there,
            Channels = move.Channels,
            PreCopy = move.Rounds is { } rounds ? new PreCopyOptions { Rounds = rounds } : null,
            RetryEvery = RetryEvery,
            ConnectTimeout = ConnectTimeout,
            Tell = what => tell($"send: {what}"),
        });
        MigrationSourceReport report = await source.RunAsync(cancel);
        if (!report.IsDelivered) throw new TortureException($"a guest was not delivered: {report.Ending}");
        tell(ShuttleTally.Moved(program.LeftRunning ?? 0, report));
    }

    private async Task<ShuttleGuest> ReceiveAsync(ShuttleMove move, CancellationToken cancel)
    {
        ArrivingProgram arriving = new(kvm);
        MigrationDestination destination = new(runtime, arriving, new MigrationDestinationOptions
        {
            Address = here,
            Backend = move.Backend,
            Mode = move.Mode,
            Tell = what => tell($"receive: {what}"),
        });
        try
        {
            using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            Task leaving = LeaveSilenceAsync(destination, over.Token);
            MigrationDestinationReport report = await destination.RunAsync(cancel);
            await over.CancelAsync();
            await leaving;
            if (!report.IsDelivered) throw new TortureException($"a guest has not arrived: {report.Ending}");
            return new ShuttleGuest(new LeavingProgram(arriving.Program!, null), arriving, destination);
        }
        catch
        {
            await arriving.DisposeAsync();
            await destination.DisposeAsync();
            throw;
        }
    }

    private static async Task LeaveSilenceAsync(MigrationDestination destination, CancellationToken cancel)
    {
        try
        {
            for (int silent = 0; silent < LooksAtSilence;)
            {
                await Task.Delay(BetweenLooks, TimeProvider.System, cancel);
                silent = destination is { Phase: DestinationPhase.Complete, IsLinked: false } ? silent + 1 : 0;
            }

            _ = await destination.AbandonAsync();
        }
        catch (OperationCanceledException)
        {
            // The migration has ended.
        }
    }

    private async Task EndAsync(int guest, ShuttleTrip trip, ShuttleGuest at, CancellationToken cancel)
    {
        (IReadOnlyList<ulong> checksums, string hash) = await at.Program.EndAsync(cancel).WaitAsync(GuestDeadline, cancel);
        using GuestImage image = GuestImage.Make(trip.Plan.DataPages << GuestPlan.PageShift, trip.Seed, cancellationToken: cancel);
        GuestResult alone = await new GuestRunner(
            runtime, kvm, new GuestRunOptions { Plan = trip.Plan, Image = image, Deadline = GuestDeadline }).RunPresentAsync(cancel);
        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"guest {guest} ({trip.Plan.Kind}, {trip.Plan.Vcpus} vCPUs, {trip.Plan.Rounds} rounds, {trip.Plan.DataPages} pages)");
        if (!alone.IsDone) throw new TortureException($"{name} does not end without moving: {alone.Ends.First(e => !e.IsDone).Message}");
        string[] differences =
        [
            .. checksums.Index().Where(c => c.Item != alone.Checksums[c.Index])
                .Select(c => $"vCPU {c.Index} has the checksum 0x{c.Item:x}, and without moving 0x{alone.Checksums[c.Index]:x}"),
            .. hash == alone.MemorySha256 ? (string[])[] : [$"its memory has the SHA-256 {hash}, and without moving {alone.MemorySha256}"],
        ];
        if (differences.Length > 0)
            throw new TortureException(
                $"{name}: {string.Join("; ", differences)}. It has moved to {string.Join(", ", trip.Moves.Select(m => m.Where))}.");
        tell(ShuttleTally.Ended);
    }
}
