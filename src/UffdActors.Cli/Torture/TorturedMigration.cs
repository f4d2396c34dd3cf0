using System.Diagnostics;
using System.Text.Json;
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
    private readonly string? _hash;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-torture-");
    private readonly Relay _relay;
    private readonly MigrationEnd _source;
    private readonly MigrationEnd _destination;
    private MigrationEnd? _another;

    private TorturedMigration(TortureOptions options, IReadOnlyList<string> sendOptions, IReadOnlyList<Injection> disruptions, string? hash)
    {
        _options = options;
        _hash = hash;
        _relay = new Relay(At("relay"), At("wire"), disruptions);
        _destination = Receive("receive");
        _source = MigrationEnd.Start(
            _folder.FullName, "send",
            ["migrate", "send", $"unix:{At("relay")}", WireOptions.Cold, .. options.Guest, .. options.Both, .. sendOptions]);
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
        _folder.Delete(recursive: true);
    }

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private MigrationEnd Receive(string name) =>
        MigrationEnd.Start(_folder.FullName, name, ["migrate", "receive", $"unix:{At("wire")}", WireOptions.Cold, .. _options.Both]);

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
            if (await Task.WhenAny(struck, ends) == ends) return await AgreeAsync(_destination, TortureVerdict.Verified, found, cancel);
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
        DestinationPhase phase = TortureJudge.Phase(await _destination.PhaseWithoutLinkAsync(cancel), may);
        string? answer = await _destination.AskAsync("abandon", cancel);
        if (phase == DestinationPhase.Running)
        {
            if (answer is not null && TortureJudge.IsRefused(answer)) _ = await _destination.AskAsync("abandon --with-loss", cancel);
            else phase = DestinationPhase.Complete;
        }

        (int exitCode, JsonElement? document) = await _destination.EndAsync(cancel);
        return TortureJudge.WithoutSource(phase, exitCode, document, _hash);
    }

    private async Task<TortureVerdict> WithoutDestinationAsync(CancellationToken cancel)
    {
        IReadOnlyList<SourcePhase> may = _relay.History.Source;
        await _destination.KillAsync();
        // The socket's file that a killed receiver leaves behind: the next receiver does not replace a file that it has not made.
        File.Delete(At("wire"));
        _relay.GoOn();
        switch (TortureJudge.Phase(await _source.PhaseWithoutLinkAsync(cancel), may))
        {
            case SourcePhase.GuestHere:
                _another = Receive("another");
                return await AgreeAsync(_another, TortureVerdict.MovedToAnother, null, cancel);
            case SourcePhase.InDoubt:
                return await InDoubtAsync(cancel);
            case SourcePhase.Serving:
                await RefuseAsync(_source, "abandon", cancel);
                await RefuseAsync(_source, "resume-here", cancel);
                _ = await _source.AskAsync("abandon --with-loss", cancel);
                await EndedAsync(keepsGuest: false, isDelivered: false, cancel);
                return TortureVerdict.DiedWithDestination;
            default:
                await EndedAsync(keepsGuest: false, isDelivered: true, cancel);
                return TortureVerdict.LeftWhole;
        }
    }

    // It is not known whether the guest ran at the destination; a receiver that is started anew there does not know it either.
    private async Task<TortureVerdict> InDoubtAsync(CancellationToken cancel)
    {
        await RefuseAsync(_source, "abandon", cancel);
        _another = Receive("another");
        TortureJudge.Check(
            await _source.HasSaidAsync("another destination listens there", cancel),
            "the source has not said that another destination cannot know where the guest is");
        _ = TortureJudge.Phase(await _source.PhaseWithoutLinkAsync(cancel), [SourcePhase.InDoubt]);
        _ = await _another.AskAsync("abandon", cancel);
        (_, JsonElement? document) = await _another.EndAsync(cancel);
        TortureJudge.Another(document);
        // Between two attempts to connect there may still be a link.
        string? answer = await _source.AskAsync("resume-here", cancel);
        while (answer is not null && TortureJudge.IsRefused(answer)) answer = await _source.AskAsync("resume-here", cancel);
        await EndedAsync(keepsGuest: true, isDelivered: false, cancel);
        return TortureVerdict.ResumedByOperator;
    }

    private async Task<TortureVerdict> AgreeAsync(
        MigrationEnd destination, TortureVerdict verdict, Action<string>? found, CancellationToken cancel)
    {
        (int sent, JsonElement? source) = await _source.EndAsync(cancel);
        (int received, JsonElement? report) = await destination.EndAsync(cancel);
        string hash = TortureJudge.Agree(sent, source, received, report, _hash);
        if (_hash is null) found!(hash);
        return verdict;
    }

    private async Task EndedAsync(bool keepsGuest, bool isDelivered, CancellationToken cancel)
    {
        (_, JsonElement? document) = await _source.EndAsync(cancel);
        TortureJudge.Source(document, keepsGuest, isDelivered);
    }

    private static async Task RefuseAsync(MigrationEnd end, string command, CancellationToken cancel) =>
        TortureJudge.Refused(command, await end.AskAsync(command, cancel));
}
