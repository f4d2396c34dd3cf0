using System.Diagnostics;
using System.Text.Json;
using UffdActors.Linux.Waiting;
using UffdActors.Watchdog;

namespace UffdActors.Bench;

/// <summary>
/// Worker processes that live as long as this object: each serves one run after the other, so that its code is compiled and warm like this
/// process's. They read orders from standard input, and end with it. If one is ended or stopped from outside, the measurement ends.
/// </summary>
internal sealed class WorkerProcesses : IWorkerProcesses, IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(400);

    private readonly Func<ProcessStartInfo> _command;
    private readonly List<Process> _processes = [];

    /// <summary>Makes the starter; processes are started with the first run.</summary>
    /// <param name="command">How a worker is started; it must run <see cref="Worker.ServeAsync"/> on its standard streams.</param>
    public WorkerProcesses(Func<ProcessStartInfo> command) => _command = command ?? throw new ArgumentNullException(nameof(command));

    /// <inheritdoc />
    async Task<FaultRun?> IWorkerProcesses.RunAsync(FaultBenchOptions options, CancellationToken cancel)
    {
        while (_processes.Count < options.Processes) _processes.Add(Start());
        for (int i = 0; i < _processes.Count; i++)
        {
            WorkerOrder order = new(
                options.Dispatchers[0], options.Vcpus[0], options.Content, options.Mode, options.Pages, options.CpuOf(i),
                options.Config?.ToString());
            await SendAsync(_processes[i], JsonSerializer.Serialize(order), cancel);
        }

        // All are ready before the first one runs.
        foreach (Process process in _processes) _ = await ReceiveAsync(process, cancel);
        foreach (Process process in _processes) await SendAsync(process, Worker.Go, cancel);
        List<FaultRun> runs = [];
        foreach (Process process in _processes) runs.Add(JsonSerializer.Deserialize<FaultRun>(await ReceiveAsync(process, cancel)));
        return FaultRun.Together(runs);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _processes)
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _processes.Clear();
    }

    private Process Start()
    {
        RequiredCalls.CheckChildren();
        ProcessStartInfo command = _command();
        command.RedirectStandardInput = true;
        command.RedirectStandardOutput = true;
        command.UseShellExecute = false;
        try
        {
            return Process.Start(command)!;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new BenchException($"Worker process \"{command.FileName}\" cannot be started: {e.Message}", e);
        }
    }

    private static async Task SendAsync(Process process, string line, CancellationToken cancel)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(line.AsMemory(), cancel);
            await process.StandardInput.FlushAsync(cancel);
        }
        catch (IOException e)
        {
            throw await EndedAsync(process, "before it was told what to measure", cancel, e);
        }
    }

    /// <summary>
    /// Waits for a line of a worker, and checks all of them meanwhile: a stopped one writes nothing, and the others would wait for it.
    /// </summary>
    private async Task<string> ReceiveAsync(Process process, CancellationToken cancel)
    {
        Task<string?> line = process.StandardOutput.ReadLineAsync(cancel).AsTask();
        HashSet<int> stopped = [];
        while (!line.IsCompleted)
        {
            try
            {
                _ = await line.WaitAsync(BetweenLooks, cancel);
            }
            catch (TimeoutException)
            {
                await LookAsync(process, stopped, cancel);
            }
        }

        return await line ?? throw await EndedAsync(process, "before it had measured", cancel);
    }

    private async Task LookAsync(Process waitedFor, HashSet<int> stopped, CancellationToken cancel)
    {
        foreach (Process worker in _processes)
        {
            if (worker.HasExited && worker != waitedFor) throw await EndedAsync(worker, "before the others had measured", cancel);
            // Seen twice in a row: Ctrl-Z stops parent and workers, and the parent may be continued first.
            if (!KernelTask.IsStopped(worker.Id)) _ = stopped.Remove(worker.Id);
            else if (!stopped.Add(worker.Id))
                throw new WorkerException(
                    $"Worker process {worker.Id} has been stopped (SIGSTOP) from outside; nothing was measured. Run it again.");
        }
    }

    private static async Task<Exception> EndedAsync(Process process, string when, CancellationToken cancel, Exception? cause = null)
    {
        const int SignalBase = 128;
        await process.WaitForExitAsync(cancel);
        // Ctrl-C ends the workers as well.
        cancel.ThrowIfCancellationRequested();
        string how = (process.ExitCode - SignalBase) switch
        {
            9 => "by SIGKILL",
            15 => "by SIGTERM",
            2 => "by SIGINT",
            _ => $"with {process.ExitCode}",
        };
        return new WorkerException(
            $"Worker process {process.Id} has ended {how}, {when}; nothing was measured. What it said is above.", cause);
    }
}
