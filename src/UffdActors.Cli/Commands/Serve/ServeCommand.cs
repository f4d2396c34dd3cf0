using System.CommandLine;
using System.Diagnostics;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.Serve;

namespace UffdActors.Cli.Commands.Serve;

/// <summary>
/// <c>uffd serve</c>: serves the guests of VMMs that hand over their userfaultfd at a Unix socket; or is a daemon with any number of
/// sockets, which the commands below it speak to.
/// </summary>
internal sealed class ServeCommand
{
    private const int MostModeDigits = 4;
    private const int MostLoops = 1024;
    private readonly Option<string?> _socket = TypedOptions.Text("--socket", "PATH", "Unix socket to which VMMs connect.");
    private readonly Option<string?> _memory =
        TypedOptions.Text("--memory", "FILE", "Memory file of the snapshot; read, never written.");
    private readonly Option<string?> _config = TypedOptions.Text(
        "--config", "FILE", "Be a daemon with the sessions of a file, and those that it is told of; alone, without other options.");
    private readonly Option<string[]> _diffs = TypedOptions.Texts(
        "--diff", "FILE", "Diff of the memory file: what is stored in it overrides what is below. Again for one over that.");
    private readonly Option<long?> _cache = TypedOptions.Size(
        "--cache", "Keep content in memory for all guests, up to this size. Default: none but the kernel's.", ContentCache.MinBytes);
    private readonly Option<string?> _workingSet = TypedOptions.Text(
        "--working-set", "FILE", "Fetch these pages first, recorded earlier. May be the file that is to be recorded.");
    private readonly Option<string?> _recordWorkingSet = TypedOptions.Text(
        "--record-working-set", "FILE", "Write which pages the first guest asks for, in order; they are fetched ahead for the next.");
    private readonly Option<TimeSpan> _recordFor = TypedOptions.Duration(
        "--record-for", "How long the first guest is recorded, if it does not end before.", new SnapshotWorkingSet(null, null).RecordFor);
    private readonly Option<long?> _bandwidth = TypedOptions.Size(
        "--bandwidth", "Bytes a second that are fetched ahead for each guest. Default: as fast as it goes.", 1);
    private readonly Option<Named<FailurePolicy>> _onFailure = TypedOptions.Choice(
        "--on-failure", "What becomes of a guest that cannot be served on, also at the end of this command: asleep, or its VMM killed.",
        FailurePolicy.Freeze);
    private readonly Option<int?> _sessions =
        TypedOptions.Number("--sessions", "N", "End when N sessions have ended. Default: never.", 1, int.MaxValue);
    private readonly Option<int> _maxSessions =
        TypedOptions.Number("--max-sessions", "N", "Guests at a time.", 256, 1, GuestServerOptions.MostSessions);
    private readonly Option<int> _maxFaults = TypedOptions.Number(
        "--max-faults", "N", "Faults of a guest that are worked on at a time; others wait in the kernel.",
        new SessionOptions { MemoryPath = "" }.MaxFaults, 1, int.MaxValue);
    private readonly Option<int> _loops = TypedOptions.Number(
        "--loops", "N", "Threads that serve all guests together; 0 for one each.", 0, 0, MostLoops);
    private readonly Option<int?> _loopCpu = TypedOptions.Number(
        "--loop-cpu", "CPU", "CPU of the first of these threads; the next has the next. Default: any.", 0, int.MaxValue);
    private readonly Option<TimeSpan> _handOverTime = TypedOptions.Duration(
        "--hand-over-timeout", "How long a VMM may take to hand over once it has connected.", new HandOverOptions().TimeOut);
    private readonly Option<string> _mode =
        TypedOptions.Text("--socket-mode", "MODE", "Permissions of the socket, octal: who may write may hand over.", "0600");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly PictureOptions _pictures = new();
    private readonly Terminal _terminal;

    private ServeCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new ServeCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("serve", "Serve the guests of other VMMs (Firecracker and its kind) from a memory file.");
        Option[] options =
        [
            _config, _socket, _memory, _diffs, _cache, _workingSet, _recordWorkingSet, _recordFor, _bandwidth, _onFailure, _sessions,
            _maxSessions, _maxFaults, _loops, _loopCpu, _handOverTime, _mode, _json,
        ];
        foreach (Option option in options) command.Options.Add(option);
        IReadOnlyList<Option> pictures = _pictures.AddTo(command, hasTimeline: false);
        foreach (Option other in options.Skip(1).Concat(pictures)) command.Exclude(_config, other, "a daemon has its settings in the file");
        command.SetAction((arguments, cancel) => arguments.GetValue(_config) is { } file
            ? new DaemonRun(_terminal).RunAsync(file, cancel)
            : RunAsync(arguments, cancel));
        foreach (Command client in DaemonClient.Build(_terminal)) command.Subcommands.Add(client);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        string memory = Needed(arguments, _memory);
        string socket = Needed(arguments, _socket);
        FailurePolicy policy = arguments.GetValue(_onFailure)!.Value;
        UnixFileMode mode = ModeOf(arguments.GetValue(_mode)!);
        // What would refuse every guest is found before the first.
        using ContentCache? cache = arguments.GetValue(_cache) is { } size ? new ContentCache(size) : null;
        SessionOptions session = new()
        {
            MemoryPath = memory,
            Diffs = arguments.GetValue(_diffs) ?? [],
            Cache = cache,
            WorkingSet = WorkingSetOf(arguments),
            OnFailure = policy,
            MaxFaults = arguments.GetValue(_maxFaults),
        };
        (long bytes, long stored) = GuestSession.Measure(session);
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        Terminal report = json.Report;
        RunPictures pictures = RunPictures.Of(_terminal, _pictures, arguments);
        ServePictures? kept = pictures.Recorder is { } recorder ? new ServePictures(recorder) : null;
        HeldLines held = new(report, pictures.HasUi);
        await using UffdRuntime runtime = UffdRuntime.Start(ConfigurationFactory.ParseString(FormattableString.Invariant(
            $"uffd.world = live\nuffd.fault-loop {{ loops = {arguments.GetValue(_loops)}, cpu = {arguments.GetValue(_loopCpu) ?? -1} }}")));
        // What this machine does not allow is told here, and not to the first guest.
        await GuestServer.WarmUpAsync(runtime, session, cancel);
        using HandOverListener listener = HandOverListener.Open(socket, mode);
        ServeText text = new(report, policy);
        ServeTally tally = new();
        GuestServer server = new(runtime, listener, new GuestServerOptions
        {
            Session = session,
            HandOver = new HandOverOptions { TimeOut = arguments.GetValue(_handOverTime) },
            MaxSessions = arguments.GetValue(_maxSessions),
            Sessions = arguments.GetValue(_sessions),
            Observer = what =>
            {
                kept?.Take(what);
                held.Do(() => text.Write(what));
                tally.Take(what);
            },
        });
        text.WriteStart(listener, session, bytes, stored);
        long begun = Stopwatch.GetTimestamp();
        // At once, for the end in order may take longer than there is time: no connection is accepted any more, and each guest is reported.
        using (cancel.Register(() =>
        {
            listener.Dispose();
            held.Do(() => text.WriteLeaving(server.Sessions));
        }))
        {
            _ = await pictures.WhileAsync(
                $"uffd serve {listener.Path}", () => kept?.Watched(), held.WhileAsync,
                async () =>
                {
                    await server.RunAsync(cancel);
                    return true;
                },
                kept is null ? null : kept.Snapshot);
        }

        pictures.Recorder?.End();
        text.WriteEnd(tally, cache?.Figures());
        json.Write(JsonText.Of(
            "uffd-serve", ServeDocument.Of(listener.Path, session, bytes, stored, Stopwatch.GetElapsedTime(begun), tally)));
        pictures.Write(run => ServePage.Of(run, kept!.Maps, memory, bytes, policy, tally), "uffd serve", isRemote: false);
        // Its guests have been told of, and nothing else is interrupted.
        return cancel.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Done;
    }

    private static string Needed(ParseResult arguments, Option<string?> option) => arguments.GetValue(option)
        ?? throw CommandException.BadInput($"{option.Name} is missing: name a socket and a memory file, or with --config a daemon's file.");

    private SnapshotWorkingSet? WorkingSetOf(ParseResult arguments)
    {
        string? path = arguments.GetValue(_workingSet);
        string? recordPath = arguments.GetValue(_recordWorkingSet);
        if (recordPath is not null) WritableFile.Check(_recordWorkingSet.Name, recordPath);
        if (path is null && recordPath is null) return null;
        return new SnapshotWorkingSet(path, recordPath)
        {
            RecordFor = arguments.GetValue(_recordFor),
            BytesPerSecond = arguments.GetValue(_bandwidth) ?? 0,
        };
    }

    private static UnixFileMode ModeOf(string text)
    {
        bool isOctal = text.Length is > 0 and <= MostModeDigits && text.All(c => c is >= '0' and <= '7');
        UnixFileMode mode = isOctal ? (UnixFileMode)Convert.ToInt32(text, 8) : UnixFileMode.None;
        return isOctal && (mode & UnixFileMode.UserWrite) != 0 && mode <= (UnixFileMode)511
            ? mode
            : throw CommandException.BadInput($"--socket-mode {text}: not a mode that lets anybody connect; write it as 0600 or 0660.");
    }
}
