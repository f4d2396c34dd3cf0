using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate demo</c>: both ends here, in two processes, with one command.</summary>
internal sealed class MigrateDemoCommand
{
    private readonly Option<string[]> _send = TypedOptions.Texts(
        "--send", "OPTION", "An option of uffd migrate send, with its value behind =, as in --send=--memory=1G; may be repeated.");
    private readonly Option<string[]> _receive =
        TypedOptions.Texts("--receive", "OPTION", "An option of uffd migrate receive, likewise.");

    private readonly Option<Named<IReadOnlyList<int>>?> _place = TypedOptions.TwoCpus("--place", "The option of both ends.");
    private readonly Option<Named<string>?> _world = TypedOptions.OneOf("--world", "What both ends run on.", "model", "live");
    private readonly Option<Named<string>?> _guest =
        TypedOptions.OneOf("--guest", "What the guest is; kvm brings --world live to both ends.", "simulated", "kvm");
    private readonly PictureOptions _pictures = new();
    private readonly Terminal _terminal;

    private MigrateDemoCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new MigrateDemoCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("demo", "Start both ends here, in two processes, and move a guest from one to the other.");
        foreach (Option option in new Option[] { _guest, _world, _place, _send, _receive }) command.Options.Add(option);
        _pictures.AddTo(command, hasTimeline: true);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        // The files are the receiving end's; that they can be written is known before it is started.
        bool isDrawn = RunPictures.Of(_terminal, _pictures, arguments).HasUi;
        string[] pictures = [.. _pictures.Words(arguments), .. isDrawn ? ["--ui"] : Array.Empty<string>()];
        bool isKvm = arguments.GetValue(_guest) is { Name: "kvm" };
        if (isKvm && arguments.GetValue(_world) is { Name: "model" })
            throw CommandException.BadInput("--world model: a KVM guest runs on the kernel of this machine; use --world live.");
        List<string> both = [];
        if (isKvm) both.AddRange(["--world", "live"]);
        else if (arguments.GetValue(_world) is { } name) both.AddRange(["--world", name.Name]);
        if (arguments.GetValue(_place) is { } place) both.AddRange(["--place", place.Name]);
        string[] guest = isKvm ? ["--guest", "kvm"] : [];
        if (_terminal.IsInteractive && !isDrawn) _terminal.WriteStatus("demo: both ends start, each in a process of its own");
        return await new BothEnds(_terminal, isDrawn, arguments.GetValue(_place)?.Value).RunAsync(
            both, [.. guest, .. arguments.GetValue(_send) ?? []], [.. guest, .. pictures, .. arguments.GetValue(_receive) ?? []],
            cancel);
    }
}
