using System.CommandLine;
using UffdActors.Bench;
using UffdActors.Bench.Live;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd bench faults --world live</c>: real page faults, the ring beside a loop without actors.</summary>
internal sealed class LiveBench
{
    // A push of fewer is over before enough has been demanded for a 99th percentile.
    private const int PagesOfPush = 262_144;

    private readonly CommandHost _host;
    private readonly Option<string> _backend = new("--backend") { Description = "With --world live, memory of the guest: anon or shmem.", DefaultValueFactory = _ => "anon" };
    private readonly Option<string> _placement = new("--placement")
    {
        Description = "With --world live: loop and vCPUs on the same CPU, or split over two.",
        DefaultValueFactory = _ => "same",
    };

    private readonly Option<string?> _native = new("--native") { Description = "With --world live: a compiled loop in C to run in between.", HelpName = "PATH" };

    private readonly Option<bool> _push = new("--push") { Description = "With --world live: vCPUs that demand a page now and then, without and with the background push, and the rate of both." };
    private readonly Option<int> _chunk = new("--chunk-pages") { Description = "With --push: pages of a chunk.", DefaultValueFactory = _ => new LiveBenchOptions().ChunkPages };

    public LiveBench(CommandHost host, Command command)
    {
        _host = host;
        foreach (Option option in new Option[] { _backend, _placement, _native, _push, _chunk }) command.Options.Add(option);
    }

    public required Option<string> World { get; init; }

    public required Option<string> Vcpus { get; init; }

    public required Option<string> Mode { get; init; }

    public required Option<int> Vms { get; init; }

    public required Option<long> Pages { get; init; }

    public required Option<int> Repeats { get; init; }

    public required Option<string> Json { get; init; }

    /// <summary>True if this is what was asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="ofModel">Options that mean nothing here.</param>
    /// <exception cref="CommandException">There is no such world, or an option belongs to the other one.</exception>
    public bool IsAskedFor(ParseResult parsed, IReadOnlyList<Option> ofModel)
    {
        string world = parsed.GetRequiredValue(World);
        if (world is not ("model" or "live")) throw CommandException.BadInput($"--world {world}: use model or live.");
        IReadOnlyList<Option> ofOther = world == "live" ? ofModel : [_backend, _placement, _native, _push, _chunk];
        if (ofOther.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } foreign)
            throw CommandException.BadInput($"{string.Join(' ', [foreign.Name, .. parsed.GetResult(foreign)!.Tokens.Select(t => t.Value)])} means nothing with --world {world}; leave it out, or measure --world {(world == "live" ? "model" : "live")}.");
        return world == "live";
    }

    /// <summary>Runs it.</summary>
    public async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        LiveBenchOptions options = new()
        {
            Backend = Arguments.OneOf<LiveBackend>("--backend", parsed.GetRequiredValue(_backend)),
            Mode = Arguments.OneOf<BenchMode>("--mode", parsed.GetRequiredValue(Mode)),
            Placement = Arguments.OneOf<LivePlacement>("--placement", parsed.GetRequiredValue(_placement)),
            Repeats = parsed.GetValue(Repeats),
            Native = parsed.GetValue(_native),
            Vms = parsed.GetValue(Vms),
            ChunkPages = parsed.GetValue(_chunk),
        };
        if (parsed.GetResult(Vcpus) is { Implicit: false }) options = options with { Vcpus = Arguments.Numbers("--vcpus", parsed.GetRequiredValue(Vcpus)) };
        if (parsed.GetResult(Pages) is not null) options = options with { Pages = PagesOf(parsed.GetValue(Pages)) };
        if (parsed.GetResult(_chunk) is { Implicit: false } && !parsed.GetValue(_push)) throw CommandException.BadInput($"--chunk-pages {parsed.GetValue(_chunk)} means nothing without --push; add it, or leave the chunk out.");
        using JsonTarget target = JsonTarget.Open(_host.Terminal, parsed.GetValue(Json));
        if (parsed.GetValue(_push))
        {
            if (parsed.GetResult(Pages) is null) options = options with { Pages = PagesOfPush };
            LivePushReport push = await new LivePushBench(options).RunAsync(_host.Terminal.WriteStatus, cancel);
            target.Write(push.ToJson());
            if (!target.TakesOutput) BenchTables.Write(_host.Terminal, push);
            return ExitCode.Done;
        }

        LiveFaultReport report = await new LiveFaultBench(options).RunAsync(_host.Terminal.WriteStatus, cancel);
        target.Write(report.ToJson());
        if (!target.TakesOutput) BenchTables.Write(_host.Terminal, report);
        return ExitCode.Done;
    }

    private static int PagesOf(long pages) =>
        pages is >= 1 and <= int.MaxValue ? (int)pages : throw CommandException.BadInput($"--pages {pages}: 1 to {int.MaxValue} can be measured.");
}
