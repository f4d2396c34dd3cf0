using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>
/// One migration between two processes to which something happens on its way, and what an operator does then: where a guest may be is
/// asked of the side that is left, what would lose it must be refused, and every byte of a guest that ends is compared.
/// </summary>
internal sealed class TorturedMigration : IDisposable
{
    private readonly TortureOptions _options;
    private readonly TemporaryFolder _folder = TemporaryFolder.Create("uffd-torture-");
    private readonly Relay _relay;
    private readonly MigrationEnd _source;
    private readonly MigrationEnd _destination;
    private readonly TortureOperator _operator;
    private MigrationEnd? _another;

    private TorturedMigration(TortureOptions options, IReadOnlyList<string> sendOptions, IReadOnlyList<Injection> disruptions, string? hash)
    {
        _options = options;
        _relay = new Relay(At("relay"), At("wire"), disruptions);
        _destination = Receive("receive");
        _source = MigrationEnd.Start(
            _folder.Path, "send",
            ["migrate", "send", $"unix:{At("relay")}", WireOptions.Cold, .. options.Guest, .. options.Both, .. sendOptions]);
        _operator = new TortureOperator(_source, _destination, () => _another = Receive("another"), hash);
    }

    /// <summary>Runs one.</summary>
    /// <param name="options">Guest and patience.</param>
    /// <param name="sendOptions">Further options of the sending end.</param>
    /// <param name="disruptions">What happens to it; no more than one kills, and that is the last.</param>
    /// <param name="hash">What the guest's memory must be at its end; null in a run that nothing happens to, which finds it.</param>
    /// <param name="found">What it is.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<TortureResult> RunAsync(
        TortureOptions options, IReadOnlyList<string> sendOptions, IReadOnlyList<Injection> disruptions, string? hash,
        Action<string>? found, CancellationToken cancel)
    {
        Stopwatch time = Stopwatch.StartNew();
        using TorturedMigration migration = new(options, sendOptions, disruptions, hash);
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(options.Deadline);
        int fallen = 0;
        string? flaw;
        try
        {
            TortureVerdict verdict = await migration.RunAsync(found, () => fallen++, deadline.Token);
            return new TortureResult(verdict, null, fallen, time.Elapsed, []);
        }
        catch (TortureException e)
        {
            flaw = e.Message;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            flaw = $"it has not come to an end within {options.Deadline.TotalSeconds:0} s";
        }

        return new TortureResult(null, flaw, fallen, time.Elapsed, migration.Said());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (MigrationEnd? end in new[] { _source, _destination, _another }) end?.Dispose();
        _relay.Dispose();
        _folder.Dispose();
    }

    private string At(string name) => _folder.At(name);

    private MigrationEnd Receive(string name) =>
        MigrationEnd.Start(_folder.Path, name, ["migrate", "receive", $"unix:{At("wire")}", WireOptions.Cold, .. _options.Both]);

    private List<string> Said()
    {
        List<string> said = [.. _source.Said, .. _destination.Said];
        if (_another is not null) said.AddRange(_another.Said.Select(l => $"another {l}"));
        return said;
    }

    private async Task<TortureVerdict> RunAsync(Action<string>? found, Action fallen, CancellationToken cancel)
    {
        Task ends = Task.WhenAll(_source.EndAsync(cancel), _destination.EndAsync(cancel));
        while (true)
        {
            Task<Injection> struck = _relay.Struck;
            if (await Task.WhenAny(struck, ends) == ends) return await _operator.AgreeAsync(found, cancel);
            fallen();
            switch ((await struck).Disruption)
            {
                case Disruption.StopSource:
                    await _source.FreezeAsync(TortureOptions.StopTime, cancel);
                    break;
                case Disruption.StopDestination:
                    await _destination.FreezeAsync(TortureOptions.StopTime, cancel);
                    break;
                case Disruption.KillSource:
                    return await WithoutSourceAsync(cancel);
                case Disruption.KillDestination:
                    return await WithoutDestinationAsync(cancel);
            }

            _relay.GoOn();
        }
    }

    private async Task<TortureVerdict> WithoutSourceAsync(CancellationToken cancel)
    {
        IReadOnlyList<DestinationPhase> may = _relay.History.Destination;
        await _source.KillAsync();
        _relay.GoOn();
        return await _operator.WithoutSourceAsync(may, cancel);
    }

    private async Task<TortureVerdict> WithoutDestinationAsync(CancellationToken cancel)
    {
        IReadOnlyList<SourcePhase> may = _relay.History.Source;
        await _destination.KillAsync();
        // The socket's file that a killed receiver leaves behind: the next receiver does not replace a file that it has not made.
        File.Delete(At("wire"));
        _relay.GoOn();
        return await _operator.WithoutDestinationAsync(may, cancel);
    }
}
