using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate demo</c>: both ends here, in two processes, with one command.</summary>
internal sealed class MigrateDemoCommand
{
    private const int NameWidth = 8;

    private readonly Option<string[]> _send = TypedOptions.Texts(
        "--send", "OPTION", "An option of uffd migrate send, with its value behind =, as in --send=--memory=1G; may be repeated.");
    private readonly Option<string[]> _receive =
        TypedOptions.Texts("--receive", "OPTION", "An option of uffd migrate receive, likewise.");

    private readonly Option<Named<IReadOnlyList<int>>?> _place = TypedOptions.TwoCpus("--place", "The option of both ends.");
    private readonly Option<Named<string>?> _world = TypedOptions.OneOf("--world", "What both ends run on.", "model", "live");
    private readonly PictureOptions _pictures = new();
    private readonly Terminal _terminal;

    private MigrateDemoCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new MigrateDemoCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("demo", "Start both ends here, in two processes, and move a guest from one to the other.");
        foreach (Option option in new Option[] { _world, _place, _send, _receive }) command.Options.Add(option);
        _pictures.AddTo(command, hasTimeline: true);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        // The files are the receiving end's; that they can be written is known before it is started.
        bool isDrawn = RunPictures.Of(_terminal, _pictures, arguments).HasUi;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-migrate-");
        try
        {
            string uri = $"unix:{Path.Combine(folder.FullName, "wire")}";
            string[] both = [WireOptions.EndsWith, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)];
            if (arguments.GetValue(_world) is { } name) both = [.. both, "--world", name.Name];
            if (arguments.GetValue(_place) is { } place) both = [.. both, "--place", place.Name];
            string[] pictures = [.. _pictures.Words(arguments), .. isDrawn ? ["--ui"] : Array.Empty<string>()];
            using Process receive =
                Start(["migrate", "receive", uri, .. both, .. pictures, .. arguments.GetValue(_receive) ?? []], hasTerminal: isDrawn);
            using Process send = Start(["migrate", "send", uri, .. both, .. arguments.GetValue(_send) ?? []], hasTerminal: false);
            await using CancellationTokenRegistration stop = cancel.Register(() =>
            {
                Kill(send);
                Kill(receive);
            });
            // What is drawn by one end must not be written over by the other.
            HeldLines held = new(_terminal, isDrawn);
            Task tell = held.WhileAsync(async () =>
            {
                await Task.WhenAll(ShowAsync(send, "send", held), ShowAsync(receive, "receive", held));
                return true;
            });
            await send.WaitForExitAsync(CancellationToken.None);
            // Without its source a receiver that has no guest waits for the next one.
            if (send.ExitCode != ExitCode.Done) Kill(receive);
            await receive.WaitForExitAsync(CancellationToken.None);
            await tell;
            cancel.ThrowIfCancellationRequested();
            return send.ExitCode != ExitCode.Done ? send.ExitCode : receive.ExitCode;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private Process Start(IReadOnlyList<string> arguments, bool hasTerminal)
    {
        ProcessStartInfo start = OwnProcess.With(arguments);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = !hasTerminal;
        // Each of its lines is written behind the name of the end.
        if (_terminal.Columns is { } columns)
            start.Environment["COLUMNS"] = (columns - NameWidth - 1).ToString(CultureInfo.InvariantCulture);
        return Process.Start(start)!;
    }

    private static Task ShowAsync(Process process, string name, HeldLines held) => Task.WhenAll(
        CopyAsync(process.StandardOutput, line => held.TellResult(line.Length == 0 ? line : $"{name,-NameWidth} {line}")),
        process.StartInfo.RedirectStandardError ? CopyAsync(process.StandardError, held.Tell) : Task.CompletedTask);

    private static async Task CopyAsync(StreamReader from, Action<string> write)
    {
        while (await from.ReadLineAsync() is { } line) write(line);
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }
}
