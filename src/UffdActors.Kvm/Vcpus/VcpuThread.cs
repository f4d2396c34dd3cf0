using System.Collections.Concurrent;
using System.Diagnostics;
using UffdActors.Kvm.Native;

namespace UffdActors.Kvm.Vcpus;

/// <summary>
/// The thread of a vCPU: all its ioctls are made here. It runs the guest until that is interrupted or ends, and reports which to the actor;
/// between runs it executes jobs. It owns the vCPU's descriptor and <c>kvm_run</c>, so both exist as long as the thread.
/// </summary>
/// <remarks>
/// <see cref="Run"/>, <see cref="Do"/> and <see cref="Kick"/> are for one caller at a time, the actor; <see cref="Hasten"/> and
/// <see cref="End"/> are safe for any thread.
/// </remarks>
internal sealed class VcpuThread
{
    private const int StackBytes = 256 << 10;

    private readonly VcpuParts _parts;
    private readonly Action<VcpuEnd?> _stopped;
    private readonly ExitHandler _exits;
    private readonly BlockingCollection<VcpuCommand> _commands = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<int> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isToPause;
    private volatile int _thread;
    private int _isEnding;
    private long _exitCount;
    private long _ranAt;

    /// <summary>Makes it; <see cref="Start"/> starts it.</summary>
    /// <param name="parts">Its parts.</param>
    /// <param name="stopped">Called on this thread when a run is over: how the guest has ended, null if it was interrupted.</param>
    public VcpuThread(VcpuParts parts, Action<VcpuEnd?> stopped)
    {
        _parts = parts;
        _stopped = stopped;
        _exits = new ExitHandler(parts);
    }

    /// <summary>Complete once the thread runs on its CPU; fails if it cannot be bound to it.</summary>
    public Task<int> Started => _started.Task;

    /// <summary>Complete once the thread has ended, and closed what it owns.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Its id; 0 before it has begun, and once it has ended.</summary>
    public int ThreadId => _thread;

    /// <summary>Exits from KVM_RUN to this process, EINTR not counted.</summary>
    public long Exits => Interlocked.Read(ref _exitCount);

    /// <summary>When its last run began, as <see cref="Stopwatch"/> counts; 0 before.</summary>
    public long RanAt => Volatile.Read(ref _ranAt);

    /// <summary>Starts the thread.</summary>
    public void Start() => new Thread(Loop, StackBytes) { IsBackground = true, Name = $"vcpu-{_parts.Number}" }.Start();

    /// <summary>Runs the guest. Not while it runs.</summary>
    public void Run()
    {
        _isToPause = false;
        _parts.Run.ImmediateExit = false;
        _commands.Add(new VcpuCommand(null));
    }

    /// <summary>Executes a job on the vCPU. Not while the guest runs.</summary>
    public void Do(Action<KvmHandle> job) => _commands.Add(new VcpuCommand(job));

    /// <summary>
    /// Stops the guest between two instructions. The flag comes before the signal: a thread that is about to enter KVM_RUN sees it, and one
    /// that is in KVM_RUN is interrupted.
    /// </summary>
    public void Kick()
    {
        _isToPause = true;
        _parts.Run.ImmediateExit = true;
        if (_thread != 0) KickSignal.Send(_thread);
    }

    /// <summary>
    /// Interrupts the guest for a pause that is about to be asked for; of any thread. It may come too early or too late: only
    /// <see cref="Kick"/>, which follows, is certain to stop the guest.
    /// </summary>
    public void Hasten()
    {
        _isToPause = true;
        if (_thread is not 0 and var thread) KickSignal.Send(thread);
    }

    /// <summary>Ends the thread, as soon as it comes out of KVM_RUN.</summary>
    public void End()
    {
        // Only one caller kicks, before the thread can end, which unmaps kvm_run.
        if (Interlocked.Exchange(ref _isEnding, 1) != 0) return;
        Kick();
        _commands.CompleteAdding();
    }

    private void Loop()
    {
        try
        {
            _thread = Libc.CurrentThread;
            if (_parts.Cpu is { } cpu) CpuPlacement.PinCurrentThread(cpu);
            _ = _started.TrySetResult(_thread);
            foreach (VcpuCommand command in _commands.GetConsumingEnumerable())
            {
                if (command.Job is { } job) job(_parts.Handle);
                else _stopped(RunGuest());
            }
        }
        catch (Exception e)
        {
            _ = _started.TrySetException(e);
        }
        finally
        {
            // From here on no kick: its flag is in kvm_run, unmapped now, and the thread id may be reused. A thread that could not be bound
            // to its CPU gets here without End.
            _ = Interlocked.Exchange(ref _isEnding, 1);
            _commands.CompleteAdding();
            _thread = 0;
            _parts.Run.Dispose();
            _parts.Handle.Dispose();
            _ = _ended.TrySetResult();
        }
    }

    private VcpuEnd? RunGuest()
    {
        try
        {
            return Enter();
        }
        catch (Exception e)
        {
            return _exits.End(VcpuEndKind.RunFailed, $"cannot be run: {e.Message.TrimEnd('.')}", null);
        }
    }

    private VcpuEnd? Enter()
    {
        Volatile.Write(ref _ranAt, Stopwatch.GetTimestamp());
        while (true)
        {
            // An earlier exit may be pending, such as the result of IN: KVM completes it on the next entry, before it checks the flag. So a
            // state saved after EINTR is complete.
            if (_parts.Handle.TryCall(KvmIoctl.KVM_RUN, 0, out Errno error) < 0)
            {
                if (error is not (Errno.EINTR or Errno.EAGAIN)) return _exits.Failed(error);
                if (_isToPause) return null;
                continue;
            }

            _ = Interlocked.Increment(ref _exitCount);
            if (_exits.Handle() is { } end) return end;
        }
    }
}
