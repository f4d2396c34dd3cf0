using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>An end of a migration in a process of its own: asked, commanded, stopped, killed; and what it says at its end.</summary>
internal sealed class MigrationEnd : IMigrationEnd, IDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(15);

    private static readonly string[] Passing =
        [nameof(DestinationPhase.Preparing), nameof(DestinationPhase.Ready), nameof(DestinationPhase.Loading)];

    private readonly Process _process;
    private readonly string _control;
    private readonly string _json;
    private readonly List<string> _said = [];
    private readonly Task _reading;

    private MigrationEnd(Process process, string control, string json)
    {
        (_process, _control, _json) = (process, control, json);
        _reading = Task.WhenAll(ReadAsync(process.StandardError), ReadAsync(process.StandardOutput));
    }

    /// <summary>What it has said, line by line.</summary>
    public IReadOnlyList<string> Said
    {
        get
        {
            lock (_said) return [.. _said];
        }
    }

    /// <summary>Starts one.</summary>
    /// <param name="folder">Where its control socket and its document are.</param>
    /// <param name="name">What these are called.</param>
    /// <param name="arguments">The command and its options.</param>
    public static MigrationEnd Start(string folder, string name, params IReadOnlyList<string> arguments)
    {
        string control = Path.Combine(folder, $"{name}.control");
        string json = Path.Combine(folder, $"{name}.json");
        ProcessStartInfo start = OwnProcess.With(
            [
                .. arguments, "--control", control, "--json", json,
                WireOptions.EndsWith, Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
            ]);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        return new MigrationEnd(Process.Start(start)!, control, json);
    }

    /// <inheritdoc />
    public async Task<string?> AskAsync(string command, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                return await ControlSocket.AskAsync(_control, command, cancel);
            }
            catch (CommandException) when (_process.HasExited)
            {
                return null;
            }
            catch (CommandException)
            {
                // It has not begun to listen, or is about to end.
                await Task.Delay(BetweenLooks, TimeProvider.System, cancel);
            }
        }
    }

    /// <inheritdoc />
    public async Task<string?> PhaseWithoutLinkAsync(CancellationToken cancel)
    {
        while (await AskAsync("status", cancel) is { } status)
        {
            string[] parts = status.Split(", ");
            if (parts.Contains("no link") && !Passing.Contains(parts[0])) return parts[0];
            await Task.Delay(BetweenLooks, TimeProvider.System, cancel);
        }

        return null;
    }

    /// <inheritdoc />
    public async Task<bool> HasSaidAsync(string what, CancellationToken cancel)
    {
        while (!Said.Any(l => l.Contains(what, StringComparison.Ordinal)))
        {
            if (_process.HasExited && _reading.IsCompleted) return Said.Any(l => l.Contains(what, StringComparison.Ordinal));
            await Task.Delay(BetweenLooks, TimeProvider.System, cancel);
        }

        return true;
    }

    /// <inheritdoc />
    public async Task<(int ExitCode, JsonElement? Document)> EndAsync(CancellationToken cancel)
    {
        await _process.WaitForExitAsync(cancel);
        await _reading.WaitAsync(cancel);
        return (_process.ExitCode, File.Exists(_json) ? JsonDocument.Parse(await File.ReadAllTextAsync(_json, cancel)).RootElement : null);
    }

    /// <summary>Stops it for a while (SIGSTOP, SIGCONT).</summary>
    public async Task FreezeAsync(TimeSpan time, CancellationToken cancel)
    {
        ProcessSignal.Send(_process, ProcessSignal.Stop);
        try
        {
            await Task.Delay(time, TimeProvider.System, cancel);
        }
        finally
        {
            ProcessSignal.Send(_process, ProcessSignal.Continue);
        }
    }

    /// <summary>Kills it, as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (_said) _said.Add(line);
        }
    }
}
