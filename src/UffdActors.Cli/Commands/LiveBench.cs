using System.CommandLine;
using UffdActors.Bench;
using UffdActors.Bench.Events;
using UffdActors.Bench.Live;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd bench faults --world live</c>: real page faults, the ring beside a loop without actors.</summary>
internal sealed class LiveBench
{
    // A push of fewer is over before enough has been demanded for a 99th percentile.
    private const int PagesOfPush = 262_144;

    private readonly Terminal _terminal;
    private readonly Option<Named<LiveBackend>> _backend =
        TypedOptions.Choice("--backend", "With --world live: memory of the guest.", LiveBackend.Anon);
    private readonly Option<Named<LivePlacement>> _placement = TypedOptions.Choice(
        "--placement", "With --world live: loop and vCPUs on the same CPU, or split over two.", LivePlacement.Same);

    private readonly Option<string?> _native =
        TypedOptions.Text("--native", "PATH", "With --world live: a compiled loop in C to run in between.");

    private readonly Option<Named<LiveVcpus>> _vcpu =
        TypedOptions.Choice("--vcpu", "With --world live: vCPUs that are threads, or KVM vCPUs beside threads.", LiveVcpus.Thread);

    private readonly Option<bool> _push = TypedOptions.Flag(
        "--push", "With --world live: vCPUs that demand a page now and then, without and with the background push, and the rate of both.");

    private readonly Option<int> _chunk = TypedOptions.Number(
        "--chunk-pages", "N", "With --push: pages of a chunk.", new LiveBenchOptions().ChunkPages, 1, int.MaxValue);

    public LiveBench(Terminal terminal, Command command)
    {
        _terminal = terminal;
        foreach (Option option in new Option[] { _vcpu, _backend, _placement, _native, _push, _chunk }) command.Options.Add(option);
    }

    public required Option<Named<EventBenchWorld>> World { get; init; }

    public required Option<Named<IReadOnlyList<int>>> Vcpus { get; init; }

    public required Option<Named<BenchMode>> Mode { get; init; }

    public required Option<int> Vms { get; init; }

    public required Option<long?> Pages { get; init; }

    public required Option<int> Repeats { get; init; }

    public required Option<string?> Json { get; init; }

    public required Option<string?> Html { get; init; }

    /// <summary>True if this is what was asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="ofModel">Options that mean nothing here.</param>
    /// <exception cref="CommandException">An option belongs to the other world.</exception>
    public bool IsAskedFor(ParseResult parsed, IReadOnlyList<Option> ofModel)
    {
        string world = parsed.GetRequiredValue(World).Name;
        IReadOnlyList<Option> ofOther = world == "live" ? ofModel : [_vcpu, _backend, _placement, _native, _push, _chunk];
        if (ofOther.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } foreign)
            throw CommandException.BadInput(
                $"{string.Join(' ', [foreign.Name, .. parsed.GetResult(foreign)!.Tokens.Select(t => t.Value)])} means nothing with "
                    + $"--world {world}; leave it out, or measure --world {(world == "live" ? "model" : "live")}.");
        return world == "live";
    }

    /// <summary>Runs it.</summary>
    public async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        LiveBenchOptions options = new()
        {
            Kind = parsed.GetRequiredValue(_vcpu).Value,
            Backend = parsed.GetRequiredValue(_backend).Value,
            Mode = parsed.GetRequiredValue(Mode).Value,
            Placement = parsed.GetRequiredValue(_placement).Value,
            Repeats = parsed.GetValue(Repeats),
            Native = parsed.GetValue(_native),
            Vms = parsed.GetValue(Vms),
            ChunkPages = parsed.GetValue(_chunk),
        };
        if (parsed.GetResult(Vcpus) is { Implicit: false }) options = options with { Vcpus = parsed.GetRequiredValue(Vcpus).Value };
        if (parsed.GetValue(Pages) is { } pages) options = options with { Pages = PagesOf(pages) };
        if (parsed.GetResult(_chunk) is { Implicit: false } && !parsed.GetValue(_push))
            throw CommandException.BadInput(
                $"--chunk-pages {parsed.GetValue(_chunk)} means nothing without --push; add it, or leave the chunk out.");
        if (parsed.GetValue(_push) && options.Kind == LiveVcpus.Kvm)
            throw CommandException.BadInput("--push is measured with threads only; leave it out, or --vcpu kvm.");
        using BenchResults target = BenchResults.Open(_terminal, parsed.GetValue(Json), parsed.GetValue(Html));
        if (parsed.GetValue(_push))
        {
            if (parsed.GetValue(Pages) is null) options = options with { Pages = PagesOfPush };
            LivePushReport push = await new LivePushBench(options).RunAsync(_terminal.WriteStatus, cancel);
            target.Write(JsonText.Of("uffd-bench-push-live", push, version: 2));
            BenchTables.Write(target.Report, push);
            return ExitCode.Done;
        }

        LiveFaultReport report = await new LiveFaultBench(options).RunAsync(_terminal.WriteStatus, cancel);
        target.Write(JsonText.Of("uffd-bench-faults-live", report, version: 2));
        BenchTables.Write(target.Report, report);
        return ExitCode.Done;
    }

    private static int PagesOf(long pages) =>
        pages <= int.MaxValue ? (int)pages : throw CommandException.BadInput($"--pages {pages}: 1 to {int.MaxValue} can be measured.");
}
