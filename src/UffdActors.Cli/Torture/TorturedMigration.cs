using System.Diagnostics;
using System.Text.Json;
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
    private readonly string? _hash;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-torture-");
    private readonly Relay _relay;
    private readonly MigrationEnd _source;
    private readonly MigrationEnd _destination;
    private MigrationEnd? _another;

    private TorturedMigration(TortureOptions options, IReadOnlyList<string> sendOptions, IReadOnlyList<Blow> blows, string? hash)
    {
        _options = options;
        _hash = hash;
        _relay = new Relay(At("relay"), At("wire"), blows);
        _destination = Receive("receive");
        _source = MigrationEnd.Start(
            _folder.FullName, "send",
            ["migrate", "send", $"unix:{At("relay")}", WireOptions.Cold, .. options.Guest, .. options.Both, .. sendOptions]);
    }

    /// <summary>Runs one.</summary>
    /// <param name="options">Guest and patience.</param>
    /// <param name="sendOptions">Further options of the sending end.</param>
    /// <param name="blows">What happens to it; no more than one kills, and that is the last.</param>
    /// <param name="hash">What the guest's memory must be at its end; null in a run that nothing happens to, which finds it.</param>
    /// <param name="found">What it is.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<TortureResult> RunAsync(
        TortureOptions options, IReadOnlyList<string> sendOptions, IReadOnlyList<Blow> blows, string? hash, Action<string>? found,
        CancellationToken cancel)
    {
        Stopwatch time = Stopwatch.StartNew();
        using TorturedMigration migration = new(options, sendOptions, blows, hash);
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
            Task<Blow> struck = _relay.Struck;
            if (await Task.WhenAny(struck, ends) == ends) return await AgreeAsync(_destination, TortureVerdict.Verified, found, cancel);
            fallen();
            switch ((await struck).Strike)
            {
                case Strike.StopSource:
                    await _source.FreezeAsync(TortureOptions.StopTime, cancel);
                    break;
                case Strike.StopDestination:
                    await _destination.FreezeAsync(TortureOptions.StopTime, cancel);
                    break;
                case Strike.KillSource:
                    return await WithoutSourceAsync(cancel);
                case Strike.KillDestination:
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
        string? phase = await _destination.PhaseWithoutLinkAsync(cancel);
        Demand(phase, may);
        if (phase == nameof(DestinationPhase.Running))
        {
            string? answer = await _destination.AskAsync("abandon", cancel);
            if (answer is not null && IsRefused(answer)) _ = await _destination.AskAsync("abandon --with-loss", cancel);
            else phase = nameof(DestinationPhase.Complete);
        }
        else _ = await _destination.AskAsync("abandon", cancel);

        (int exitCode, JsonElement? document) = await _destination.EndAsync(cancel);
        JsonElement report = document ?? throw new TortureException("the destination has ended without a report");
        Check(exitCode == ExitCode.Failed && !Says(report, "verified"), $"the destination ended with {exitCode} without a source");
        Check(Says(report, "hasGuest") == (phase != nameof(DestinationPhase.Waiting)), "whether it had a guest is not what it said");
        if (phase == nameof(DestinationPhase.Waiting)) return TortureVerdict.DiedWithSource;
        if (phase == nameof(DestinationPhase.Running))
        {
            Check(!Says(report, "delivered"), "a guest whose pages are all there was given up");
            return TortureVerdict.WaitsForLostPages;
        }

        Check(Hash(report) == _hash, $"the guest's memory is {Hash(report)} at its end, and must be {_hash}");
        return TortureVerdict.EndedWithoutSource;
    }

    private async Task<TortureVerdict> WithoutDestinationAsync(CancellationToken cancel)
    {
        IReadOnlyList<SourcePhase> may = _relay.History.Source;
        await _destination.KillAsync();
        // What a killed receiver leaves behind; the next one does not remove what it does not know.
        File.Delete(At("wire"));
        _relay.GoOn();
        string phase = await _source.PhaseWithoutLinkAsync(cancel) ?? nameof(SourcePhase.Ended);
        Demand(phase, may);
        switch (phase)
        {
            case nameof(SourcePhase.GuestHere):
                _another = Receive("another");
                return await AgreeAsync(_another, TortureVerdict.MovedToAnother, null, cancel);
            case nameof(SourcePhase.InDoubt):
                return await InDoubtAsync(cancel);
            case nameof(SourcePhase.Serving):
                await RefuseAsync(_source, "abandon", cancel);
                await RefuseAsync(_source, "resume-here", cancel);
                _ = await _source.AskAsync("abandon --with-loss", cancel);
                await EndedAsync(keepsGuest: false, cancel);
                return TortureVerdict.DiedWithDestination;
            default:
                JsonElement report = await EndedAsync(keepsGuest: false, cancel);
                Check(Says(report, "delivered"), "the source does not know that every page has arrived");
                return TortureVerdict.LeftWhole;
        }
    }

    // Whether the guest ran at the destination is not known, and one that is started anew there knows it no better.
    private async Task<TortureVerdict> InDoubtAsync(CancellationToken cancel)
    {
        await RefuseAsync(_source, "abandon", cancel);
        _another = Receive("another");
        Check(
            await _source.HasSaidAsync("another destination listens there", cancel),
            "the source has not said that another destination cannot know where the guest is");
        string phase = await _source.PhaseWithoutLinkAsync(cancel) ?? nameof(SourcePhase.Ended);
        Demand(phase, [SourcePhase.InDoubt]);
        _ = await _another.AskAsync("abandon", cancel);
        (_, JsonElement? document) = await _another.EndAsync(cancel);
        Check(document is { } other && !Says(other, "hasGuest"), "a guest that may run elsewhere was run by another destination");
        // Between two attempts to connect there may still be a link.
        string? answer = await _source.AskAsync("resume-here", cancel);
        while (answer is not null && IsRefused(answer)) answer = await _source.AskAsync("resume-here", cancel);
        await EndedAsync(keepsGuest: true, cancel);
        return TortureVerdict.ResumedByOperator;
    }

    private async Task<TortureVerdict> AgreeAsync(
        MigrationEnd destination, TortureVerdict verdict, Action<string>? found, CancellationToken cancel)
    {
        (int sent, JsonElement? source) = await _source.EndAsync(cancel);
        (int received, JsonElement? report) = await destination.EndAsync(cancel);
        Check(sent == ExitCode.Done, $"the source ended with {sent}");
        Check(received == ExitCode.Done, $"the destination ended with {received}");
        string? hash = Hash(report ?? throw new TortureException("the destination has written no report"));
        Check(hash is not null && hash == Hash(source ?? throw new TortureException("the source has written no report")),
            "the reports of both sides differ");
        if (_hash is null) found!(hash!);
        else Check(hash == _hash, $"the guest's memory is {hash} at its end, and must be {_hash}");
        return verdict;
    }

    private async Task<JsonElement> EndedAsync(bool keepsGuest, CancellationToken cancel)
    {
        (_, JsonElement? document) = await _source.EndAsync(cancel);
        JsonElement report = document ?? throw new TortureException("the source has ended without a report");
        Check(Says(report, "keepsGuest") == keepsGuest, keepsGuest ? "the guest is nowhere" : "the source runs a guest that is elsewhere");
        return report;
    }

    private static async Task RefuseAsync(MigrationEnd end, string command, CancellationToken cancel)
    {
        string? answer = await end.AskAsync(command, cancel);
        Check(answer is not null && IsRefused(answer), $"{command}, which loses the guest or runs it twice, was followed");
    }

    private static bool IsRefused(string answer) => answer.StartsWith(ControlSocket.Refused, StringComparison.Ordinal);

    private static bool Says(JsonElement report, string name) => report.GetProperty(name).GetBoolean();

    private static string? Hash(JsonElement report) => report.GetProperty("actualSha256").GetString();

    private static void Demand<T>(string? phase, IReadOnlyList<T> may)
        where T : struct, Enum
    {
        Check(
            may.Any(p => p.ToString() == (phase ?? "Ended")),
            $"{typeof(T).Name} is {phase ?? "Ended"}, and may be {string.Join(" or ", may)} by what was on the wire");
    }

    private static void Check(bool holds, string flaw)
    {
        if (!holds) throw new TortureException(flaw);
    }
}
