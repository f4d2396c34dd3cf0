using System.Globalization;
using System.Text;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Native;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// A thread that executes one call at a time, at a priority of its own on the one CPU of the program. Where it sleeps is read from
/// <c>/proc</c>, so nothing is guessed from time.
/// </summary>
internal sealed class Accessor
{
    private const int ProcBytes = 256;
    private readonly int _wake = RawCalls.MakeBlockingEvent();
    private readonly byte[] _wchanPath;
    private readonly byte[] _proc = new byte[ProcBytes];
    private LiveCall? _call;
    private int _started;
    private int _finished;

    /// <summary>Starts the thread; it waits for its first call.</summary>
    /// <param name="number">Number in the program; also the order of priorities.</param>
    /// <param name="cpu">CPU of the program.</param>
    /// <param name="priority">Real-time priority.</param>
    public Accessor(int number, int cpu, int priority)
    {
        Number = number;
        TaskCompletionSource<int> ready = new();
        Thread thread = new(() =>
        {
            try
            {
                ThreadPlacement.BindTo(cpu);
                ThreadPlacement.SetRealTimePriority(priority);
            }
            catch (Exception e)
            {
                ready.SetException(e);
                return;
            }

            ready.SetResult(ThreadPlacement.ThreadId);
            Run();
        })
        { IsBackground = true, Name = string.Create(CultureInfo.InvariantCulture, $"accessor-{number}") };
        thread.Start();
        ThreadId = ready.Task.GetAwaiter().GetResult();
        _wchanPath = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{ThreadId}/wchan\0"));
    }

    /// <summary>Number in the program.</summary>
    public int Number { get; }

    /// <summary>Number of the thread in the kernel.</summary>
    public int ThreadId { get; }

    /// <summary>Pages of the thread.</summary>
    public Scratch Scratch { get; } = new();

    /// <summary>The latest call of the thread whose result has not been taken; null if it is free.</summary>
    public LiveCall? Call => _call;

    /// <summary>True if the call has returned.</summary>
    public bool IsFinished => Volatile.Read(ref _finished) == _started;

    /// <summary>Gives the thread a call.</summary>
    public void Start(LiveCall call)
    {
        _call = call;
        _started++;
        RawCalls.SetEvent(_wake);
    }

    /// <summary>Takes a call that has returned.</summary>
    public LiveCall Take()
    {
        LiveCall call = _call!;
        _call = null;
        return call;
    }

    /// <summary>What the thread waits for: fault, event or read. Null if it does not sleep in a userfaultfd.</summary>
    public string? Wait()
    {
        int bytes = RawCalls.ReadProc(_wchanPath, _proc);
        // wchan has the function in which a thread sleeps; "0" for a runnable thread.
        string where = Encoding.ASCII.GetString(_proc, 0, bytes);
        if (where.StartsWith("handle_userfault", StringComparison.Ordinal)) return "fault";
        if (where.StartsWith("userfaultfd_event_wait", StringComparison.Ordinal)) return "event";
        return where.StartsWith("userfaultfd_", StringComparison.Ordinal) ? "read" : null;
    }

    private void Run()
    {
        while (true)
        {
            RawCalls.WaitEvent(_wake);
            _call!.Execute();
            Volatile.Write(ref _finished, _started);
        }
    }
}
