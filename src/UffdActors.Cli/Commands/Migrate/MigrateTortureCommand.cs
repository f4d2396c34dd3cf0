using System.CommandLine;
using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Cli.Torture;
using UffdActors.Kvm;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>
/// <c>uffd migrate torture</c>: migrations between real processes that are cut, stopped and killed at every moment, or for a while at
/// random ones, and what must come of each.
/// </summary>
internal sealed class MigrateTortureCommand
{
    private readonly Option<string?> _only =
        TypedOptions.Text("--only", "TEXT", "Only cells whose moment or disruption contains this.");
    private readonly Option<TimeSpan?> _for = TypedOptions.Duration("--for", "Random disruptions for so long, instead of the cells.");
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "Seed of the guest, and of random disruptions.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<Named<string>?> _world = TypedOptions.OneOf("--world", "What both ends run on.", "model", "live");
    private readonly Option<Named<string>?> _guest =
        TypedOptions.OneOf("--guest", "What the guest is; kvm brings --world live to both ends.", "simulated", "kvm");
    private readonly Option<int?> _moves = TypedOptions.Number(
        "--moves", "N", "KVM guests go back and forth so many times under random cuts, instead of the cells.", 1, 10_000_000);
    private readonly Option<string?> _json = TypedOptions.Json();
    private static readonly TimeSpan BetweenWords = TimeSpan.FromSeconds(10);
    private readonly Terminal _terminal;

    private MigrateTortureCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new MigrateTortureCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("torture", "Cut, stop and kill both ends at every moment of a migration, and check what must come of it.");
        foreach (Option option in new Option[] { _guest, _only, _for, _moves, _seed, _world, _json }) command.Options.Add(option);
        command.Exclude(_only, _for, "random disruptions have no cells");
        command.Exclude(_only, _moves, "random cuts have no cells");
        command.Exclude(_for, _moves, "one is a time, the other a number of migrations");
        command.Validators.Add(result =>
        {
            bool isKvm = result.GetValue(_guest) is { Name: "kvm" };
            if (result.Has(_moves) && !isKvm) result.AddError($"{_moves.Name} moves KVM guests: use it with {_guest.Name} kvm.");
            if (isKvm && result.GetValue(_world) is { Name: "model" })
                result.AddError("--world model: a KVM guest runs on the kernel of this machine; use --world live.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        bool isKvm = arguments.GetValue(_guest) is { Name: "kvm" };
        if (arguments.GetValue(_moves) is { } moves) return await ShuttleAsync(json, moves, arguments.GetValue(_seed), cancel);
        TortureOptions options = new()
        {
            IsKvm = isKvm,
            World = isKvm ? "live" : arguments.GetValue(_world)?.Name,
            Seed = arguments.GetValue(_seed),
        };
        IEnumerable<TortureCell> cells = arguments.GetValue(_for) is { } time ? TortureCell.Random(options.Seed, time) : Chosen(arguments);
        TortureText text = new(json.TakesOutput ? _terminal.Progress : _terminal.Out);
        List<(TortureCell Cell, TortureResult Result)> results = [];
        Stopwatch whole = Stopwatch.StartNew();
        string? hash = null;
        // Nothing happens to the first one: it says what the guest's memory must be at its end.
        foreach (TortureCell cell in cells.Prepend(TortureCell.Undisturbed))
        {
            TortureResult result = cell.Judge(await TorturedMigration.RunAsync(
                options, cell.SendOptions, cell.Disruptions, hash, found => hash = found, cancel));
            text.Write(cell, result);
            results.Add((cell, result));
            if (hash is null) break;
        }

        text.WriteTotal([.. results.Select(r => r.Result)], whole.Elapsed);
        json.Write(JsonText.Of("uffd-migrate-torture", MigrateTortureDocument.Of(options, hash, results)));
        return results.All(r => r.Result.Flaw is null) ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<int> ShuttleAsync(JsonTarget json, int moves, ulong seed, CancellationToken cancel)
    {
        // Without KVM nothing is begun.
        await using (KvmHost kvm = KvmHost.Start())
        {
        }

        long told = Stopwatch.GetTimestamp();
        ShuttleResult result = await ShuttleRun.RunAsync(seed, moves, Tell, cancel);
        new TortureText(json.TakesOutput ? _terminal.Progress : _terminal.Out).WriteMoves(result);
        json.Write(JsonText.Of("uffd-migrate-moves", MigrateMovesDocument.Of(seed, result)));
        return result.Flaw is null ? ExitCode.Done : ExitCode.Failed;

        void Tell(int done, int guests)
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref told)) < BetweenWords) return;
            Volatile.Write(ref told, Stopwatch.GetTimestamp());
            _terminal.WriteStatus($"{Figures.Count(done)} of {Figures.Count(moves)} migrations, {Figures.Count(guests)} guests verified");
        }
    }

    private IReadOnlyList<TortureCell> Chosen(ParseResult arguments)
    {
        if (arguments.GetValue(_only) is not { } text) return TortureCell.All;
        TortureCell[] chosen = [.. TortureCell.All.Where(c => c.Name.Contains(text, StringComparison.OrdinalIgnoreCase))];
        if (chosen.Length > 0) return chosen;
        throw CommandException.BadInput(
            $"--only {text}: no cell is called so; moments are {string.Join("; ", Moment.All.Select(m => m.Name))}; disruptions are "
                + $"{string.Join(", ", Enum.GetValues<Disruption>().Select(TortureCell.NameOf))}.");
    }
}
