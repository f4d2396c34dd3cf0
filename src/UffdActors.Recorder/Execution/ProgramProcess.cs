using System.Diagnostics;
using System.Globalization;
using UffdActors.Conformance.Programs;
using UffdActors.Watchdog;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// A child process that executes programs on the kernel. A step that does not return in time, and a child that dies, are results; the child
/// is then replaced before the next program.
/// </summary>
internal sealed class ProgramProcess : IDisposable
{
    internal const string Next = "next";
    internal const string Ready = "ready";
    internal const string Signalled = "signalled";

    // Starting a process has a limit of its own: it may take long on a busy machine.
    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(400);

    private readonly Func<ProcessStartInfo> _command;
    private readonly TimeSpan _deadline;
    private Process? _process;
    private string? _hang;

    /// <summary>Makes it; the child is started with the first program.</summary>
    /// <param name="command">How the child is started; it must run <see cref="ProgramServer.Serve"/> on its standard streams.</param>
    /// <param name="deadline">Time that a step may take.</param>
    public ProgramProcess(Func<ProcessStartInfo> command, TimeSpan deadline)
    {
        _command = command ?? throw new ArgumentNullException(nameof(command));
        _deadline = deadline;
    }

    /// <summary>Begins a program.</summary>
    /// <param name="header">Where things lie; the same for all programs of one process.</param>
    /// <param name="fresh">True for a process that has executed nothing before.</param>
    /// <exception cref="RecorderException">The child cannot be started, or refuses; or a signal has ended or stopped it.</exception>
    public void Begin(TraceHeader header, bool fresh)
    {
        // Asked also if it is not needed any more: whether a signal has come is known to nobody else.
        if (_process is not null && (!SaysReady(Next, _deadline) || fresh)) Stop();
        if (_process is not null) return;
        Start();
        if (SaysReady(TraceWriter.ToText(header), StartDeadline)) return;
        string problem = _process!.StandardError.ReadToEnd().ReplaceLineEndings(" ").Trim();
        Stop();
        throw new RecorderException($"The process that is to execute programs refuses: {problem}");
    }

    /// <summary>Executes a step.</summary>
    /// <exception cref="RecorderException">A signal has ended or stopped the child: that is no outcome of the step.</exception>
    public StepOutcome Execute(ProgramStep step)
    {
        if (_process is null) throw new InvalidOperationException("No program has begun, or its process has ended.");
        if (TryExchange(TraceWriter.ToText(step), _deadline) is { } line) return new StepOutcome(TraceReader.ReadStep(line).Expected, null);
        string problem = _hang is { } where ? "hangs: " + where : HowItEnded();
        Stop();
        return new StepOutcome(null, problem);
    }

    /// <summary>Ends the child.</summary>
    public void Dispose() => Stop();

    private bool SaysReady(string line, TimeSpan limit)
    {
        string? answer = TryExchange(line, limit);
        if (answer != Signalled) return answer == Ready;
        _process!.StandardInput.Close();
        throw EndedFromOutside((_process.WaitForExit(EndDeadline) ? SignalThatEnded() : null) ?? "told to end by a signal");
    }

    private string? TryExchange(string line, TimeSpan limit)
    {
        Exchange exchange = new();
        using Timer look = new(_ => OnLook(exchange), null, BetweenLooks, BetweenLooks);
        using Timer deadline = new(_ => OnDeadline(exchange), null, limit, Timeout.InfiniteTimeSpan);
        try
        {
            _process!.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
            string? answer = _process.StandardOutput.ReadLine();
            lock (exchange) exchange.IsOver = true;
            _hang = exchange.Hang;
            if (answer is not null && _hang is null) return answer;
        }
        catch (IOException)
        {
            // The pipe is broken: the child has ended; its exit code says how.
            lock (exchange) exchange.IsOver = true;
            _hang = exchange.Hang;
        }

        _process!.WaitForExit();
        ThrowIfEndedFromOutside(exchange);
        return null;
    }

    // Seen twice in a row: Ctrl-Z stops parent and child, and the parent may be continued first.
    private void OnLook(Exchange exchange)
    {
        lock (exchange)
        {
            if (exchange.IsOver || exchange.IsStopped) return;
            bool isStopped = KernelTask.IsStopped(_process!.Id);
            exchange.IsStopped = isStopped && exchange.WasStopped;
            exchange.WasStopped = isStopped;
            if (exchange.IsStopped) _process.Kill();
        }
    }

    // Programs send signals, but none of these.
    private void ThrowIfEndedFromOutside(Exchange exchange)
    {
        string? how = exchange.IsStopped ? "stopped (SIGSTOP)" : exchange.Hang is null ? SignalThatEnded() : null;
        if (how is not null) throw EndedFromOutside(how);
    }

    private string? SignalThatEnded()
    {
        const int SignalBase = 128;
        return (_process!.ExitCode - SignalBase) switch
        {
            1 => "ended by SIGHUP",
            2 => "ended by SIGINT",
            9 => "ended by SIGKILL",
            15 => "ended by SIGTERM",
            _ => null,
        };
    }

    private RecorderException EndedFromOutside(string how)
    {
        int id = _process!.Id;
        Stop();
        return new RecorderException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The process that executes programs ({id}) was {how} from outside, so the step has no result. Run it again."));
    }

    // Killing the child ends the read that waits for its answer.
    private void OnDeadline(Exchange exchange)
    {
        lock (exchange)
        {
            if (exchange.IsOver || exchange.IsStopped) return;
            exchange.Hang = WhereItIs();
            _process!.Kill();
        }
    }

    private string HowItEnded()
    {
        const int SignalBase = 128;
        int code = _process!.ExitCode;
        string how = code > SignalBase
            ? string.Create(CultureInfo.InvariantCulture, $"the process died of signal {code - SignalBase}")
            : string.Create(CultureInfo.InvariantCulture, $"the process ended with {code}");
        string last = _process.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault("");
        return last.Length == 0 ? how : $"{how}: {last}";
    }

    private string WhereItIs() => string.Join(
        ", ",
        KernelTask.Of(_process!.Id)
            .Where(t => t.Name == ProgramServer.ThreadName || t.Name.StartsWith("accessor", StringComparison.Ordinal))
            .Select(t => $"{t.Name} {t.State} {t.WaitsIn}"));

    private void Start()
    {
        ProcessStartInfo command = _command();
        command.RedirectStandardInput = true;
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        command.UseShellExecute = false;
        // Threads that the runtime starts inherit the CPU and the priority of the program, so keep them few.
        command.Environment["DOTNET_TieredCompilation"] = "0";
        command.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        try
        {
            _process = Process.Start(command)!;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new RecorderException($"The process \"{command.FileName}\" cannot be started: {e.Message}", e);
        }
    }

    private void Stop()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }
}
