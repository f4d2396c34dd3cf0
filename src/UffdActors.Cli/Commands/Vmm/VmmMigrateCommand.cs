using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using UffdActors.Cli.Commands.Migrate;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary>
/// <c>uffd vmm migrate</c>: a KVM guest that runs moves to another process of this machine: <c>uffd migrate demo</c> with the guest's
/// options at hand.
/// </summary>
internal sealed class VmmMigrateCommand
{
    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as what the guest works on.");
    private readonly Option<long?> _memory = TypedOptions.Size(
        "--memory", "Make what the guest works on instead: zero, repetitive and random pages. Default 16M.", 1);
    private readonly Option<ulong?> _seed = TypedOptions.Number("--seed", "N", "Seed of made memory.", 0UL, ulong.MaxValue);
    private readonly Option<int?> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs. Default 2.", 1, KvmMachineOptions.MaxVcpus);
    private readonly Option<Named<ProgramKind>> _program =
        TypedOptions.Choice("--program", "What the guest does with its pages.", ProgramKind.Scatter);
    private readonly Option<int?> _rounds =
        TypedOptions.Number("--rounds", "N", "How often it visits each page, on both sides. Default 20.", 1, 1_000_000);
    private readonly Option<bool> _largePages = TypedOptions.Flag("--large-pages", "The guest's own page tables map 2 MiB at a time.");
    private readonly Option<TimeSpan?> _first =
        TypedOptions.Duration("--run-first", "How long it runs before it is handed over. Default 100ms, or while it is copied.");
    private readonly Option<string?> _backend = TypedOptions.Text(
        "--backend", "NAME", "Memory of the guest on both sides: anon, shmem or hugetlb. Default anon.");
    private readonly Option<Named<PostCopyMode>> _mode = FaultOptions.Mode("How faults are resolved where it arrives.");
    private readonly Option<Named<int?>?> _copies = TypedOptions.NumberOr(
        "--precopy-rounds", "N", "auto",
        "Copy before the guest is stopped: rounds over what it has written, or until little is left. Default: none.", 1, 1000);
    private readonly Option<Named<IReadOnlyList<int>>?> _place = TypedOptions.TwoCpus("--place", "The option of both ends.");
    private readonly Option<string[]> _send = TypedOptions.Texts(
        "--send", "OPTION", "An option of uffd migrate send, with its value behind =, as in --send=--channels=2; may be repeated.");
    private readonly Option<string[]> _receive =
        TypedOptions.Texts("--receive", "OPTION", "An option of uffd migrate receive, likewise.");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly PictureOptions _pictures = new();
    private readonly Terminal _terminal;

    private VmmMigrateCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmMigrateCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("migrate", "Move a KVM guest that runs to another process of this machine, and verify what it computes.");
        foreach (Option option in new Option[]
        {
            _image, _memory, _seed, _vcpus, _program, _rounds, _largePages, _first, _backend, _mode, _copies, _place, _send, _receive,
            _json,
        })
        {
            command.Options.Add(option);
        }

        _pictures.AddTo(command, hasTimeline: true);
        command.Exclude(_image, _memory, "memory is either read or made");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        // The pictures are of the receiving end, where the guest faults; that the files can be written is known before it is started.
        bool isDrawn = RunPictures.Of(_terminal, _pictures, arguments).HasUi;
        string[] pictures = [.. _pictures.Words(arguments), .. isDrawn ? ["--ui"] : Array.Empty<string>()];
        if (_terminal.IsInteractive && !isDrawn) _terminal.WriteStatus("vmm migrate: both ends start, each in a process of its own");
        using TemporaryFolder folder = TemporaryFolder.Create("uffd-vmm-migrate-");
        string from = folder.At("from");
        string to = folder.At("to");
        int exit = await new BothEnds(json.Report, isDrawn, arguments.GetValue(_place)?.Value).RunAsync(
            [
                "--world", "live", "--backend", arguments.GetValue(_backend) ?? "anon",
                .. Given(_place.Name, arguments.GetValue(_place)?.Name),
            ],
            ["--guest", "kvm", .. Guest(arguments), "--json", from, .. arguments.GetValue(_send) ?? []],
            [
                "--guest", "kvm", "--mode", arguments.GetValue(_mode)!.Name, "--json", to, .. pictures,
                .. arguments.GetValue(_receive) ?? [],
            ],
            cancel);
        json.Write(JsonText.Of("uffd-vmm-migrate", new VmmMigrateDocument(exit == ExitCode.Done, Read(from), Read(to))));
        return exit;
    }

    private IEnumerable<string> Guest(ParseResult arguments) =>
    [
        .. Given(_image.Name, arguments.GetValue(_image)),
        .. Given(_memory.Name, arguments.GetValue(_memory)),
        .. Given(_seed.Name, arguments.GetValue(_seed)),
        .. Given(_vcpus.Name, arguments.GetValue(_vcpus)),
        .. Given(_program.Name, arguments.GetValue(_program)!.Name),
        .. Given(_rounds.Name, arguments.GetValue(_rounds)),
        .. arguments.GetValue(_largePages) ? [_largePages.Name] : Array.Empty<string>(),
        .. Given(_first.Name, arguments.GetValue(_first) is { } time ? FormattableString.Invariant($"{time.TotalMilliseconds}ms") : null),
        .. Given(_copies.Name, arguments.GetValue(_copies)?.Name),
    ];

    private static string[] Given(string name, object? value) =>
        value is null ? [] : [name, Convert.ToString(value, CultureInfo.InvariantCulture)!];

    // An end that could not begin has written none.
    private static JsonElement? Read(string path) =>
        File.Exists(path) ? JsonDocument.Parse(File.ReadAllText(path)).RootElement : null;
}
