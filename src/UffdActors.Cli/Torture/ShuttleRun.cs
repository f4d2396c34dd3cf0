using System.Diagnostics;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;

namespace UffdActors.Cli.Torture;

/// <summary>Two processes between which KVM guests go back and forth, and a relay in each direction that cuts their links.</summary>
internal sealed class ShuttleRun : IDisposable
{
    private const int CutsAMove = 2;
    private const int SaidLines = 24;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);
    private static readonly TimeSpan UntilInterrupted = TimeSpan.FromMilliseconds(300);

    private readonly TemporaryFolder _folder = TemporaryFolder.Create("uffd-shuttle-");
    private readonly ShuttleTally _tally = new();
    private readonly Relay[] _relays;
    private readonly Process[] _processes;
    private readonly List<string> _said = [];
    private readonly TaskCompletionSource<string> _wrong = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<int, int> _progress;
    private long _heardAt = Stopwatch.GetTimestamp();
    private int _cuts;

    private ShuttleRun(ulong seed, int moves, Action<int, int> progress)
    {
        _progress = progress;
        string[] names = ["a", "b"];
        _relays = [.. names.Select((name, i) => new Relay(
            At($"to-{name}"), At(name), ShuttleTrip.Cuts(seed + (ulong)i + 1, moves * CutsAMove)))];
        _processes = [.. names.Select((name, i) => Start(
        [
            "migrate", "shuttle", "--here", $"unix:{At(name)}", "--there", $"unix:{At($"to-{names[1 - i]}")}",
            "--moves", moves.ToString(CultureInfo.InvariantCulture), "--seed", seed.ToString(CultureInfo.InvariantCulture),
            .. i == 0 ? ["--begins"] : Array.Empty<string>(),
            WireOptions.EndsWith, Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
        ]))];
    }

    /// <summary>Runs.</summary>
    /// <param name="seed">Seed of guests and cuts.</param>
    /// <param name="moves">Migrations, of both directions together.</param>
    /// <param name="progress">Told of migrations and guests so far.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<ShuttleResult> RunAsync(ulong seed, int moves, Action<int, int> progress, CancellationToken cancel)
    {
        Stopwatch time = Stopwatch.StartNew();
        using ShuttleRun run = new(seed, moves, progress);
        string? flaw = await run.FlawAsync(cancel);
        if (flaw is null && run._tally.Moves != moves)
            flaw = string.Create(CultureInfo.InvariantCulture, $"{run._tally.Moves} migrations were told of, and {moves} were asked for");
        ShuttleResult result = run._tally.Result(run._cuts, time.Elapsed, flaw);
        return result with { Flaw = result.Flaw ?? result.Shortfall() };
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        foreach (Relay relay in _relays) relay.Dispose();
        _folder.Dispose();
    }

    private string At(string name) => _folder.At(name);

    private static Process Start(string[] arguments)
    {
        ProcessStartInfo start = OwnProcess.With(arguments);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private async Task<string?> FlawAsync(CancellationToken cancel)
    {
        foreach (Relay relay in _relays) _ = CutAsync(relay);
        Task[] ends = [.. _processes.Select(p => EndAsync(p, cancel))];
        Task all = Task.WhenAll(ends);
        Task hang = HangAsync(cancel);
        Task first = await Task.WhenAny(all, _wrong.Task, hang);
        cancel.ThrowIfCancellationRequested();
        if (first == all && !_wrong.Task.IsCompleted) return null;
        string why = _wrong.Task.IsCompleted ? await _wrong.Task : $"nothing has happened for {Patience.TotalMinutes:0} minutes";
        lock (_said) return _said.Count == 0 ? why : $"{why}: {string.Join("; ", _said)}";
    }

    private async Task CutAsync(Relay relay)
    {
        while (true)
        {
            _ = await relay.Struck;
            _ = Interlocked.Increment(ref _cuts);
            relay.GoOn();
        }
    }

    private async Task EndAsync(Process process, CancellationToken cancel)
    {
        await Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
        await process.WaitForExitAsync(cancel);
        // Ctrl-C reaches all processes of a terminal, and this one perhaps last.
        if (process.ExitCode == ExitCode.Interrupted) await Task.Delay(UntilInterrupted, TimeProvider.System, cancel);
        if (process.ExitCode != ExitCode.Done) _ = _wrong.TrySetResult($"a process ended with {process.ExitCode}");
    }

    private async Task ReadAsync(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            Volatile.Write(ref _heardAt, Stopwatch.GetTimestamp());
            if (_tally.TryTake(line))
            {
                _progress(_tally.Moves, _tally.Guests);
                continue;
            }

            lock (_said)
            {
                if (_said.Count == SaidLines) _said.RemoveAt(0);
                _said.Add(line);
            }
        }
    }

    private async Task HangAsync(CancellationToken cancel)
    {
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(1));
        while (Stopwatch.GetElapsedTime(Volatile.Read(ref _heardAt)) < Patience) _ = await timer.WaitForNextTickAsync(cancel);
    }
}
