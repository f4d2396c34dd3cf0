using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Linux.Machine;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Vcpus;

namespace UffdActors.Linux.Live;

/// <summary>
/// A vCPU: a thread of this process that touches memory as its workload says, through an ordinary call into the C library only. While it
/// waits for a page it is outside the runtime, so collections go on.
/// </summary>
/// <remarks>
/// It measures its own latency around the touch. Whether the touch faulted, and the monitor's time stamps of it, come from the reader,
/// which finds the vCPU by the thread id of the message. The fill may return to the monitor after this thread has resumed, so a fault's
/// stamps are complete for certain only when the next fault has ended; it is recorded then.
/// </remarks>
internal sealed class LiveVcpu : VcpuThread
{
    // The monitor may still stamp a trace after its fault has ended; it is reused only after several others.
    private const int Traces = 8;

    private readonly VmRoot _vm;
    private readonly LiveKernel _kernel;
    private readonly FaultTrace[] _traces = [.. Enumerable.Range(0, Traces).Select(_ => new FaultTrace())];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private VcpuOptions _options = null!;
    private volatile FaultTrace? _trace;
    private volatile bool _stopped;
    private (long Touch, long Page, FaultFlags Flags) _latest;
    private long _faults;
    private long _touch;
    private bool _started;

    public LiveVcpu(VmRoot vm, LiveKernel kernel)
    {
        _vm = vm;
        _kernel = kernel;
    }

    /// <summary>Ends with the thread, or at once if there never was one.</summary>
    public Task Ended => _started ? _ended.Task : Task.CompletedTask;

    /// <inheritdoc />
    public override IActorRef Start(IActorContext parent, VmContext vm, VcpuOptions options, string name)
    {
        _options = options;
        return parent.ActorOf(Props.Create<LiveVcpuActor>(this).WithDispatcher(vm.DispatcherId), name);
    }

    /// <summary>Starts the thread.</summary>
    public void Run()
    {
        if (_started) return;
        _started = true;
        new Thread(Work) { IsBackground = true, Name = $"{_vm.Name}-vcpu-{_options.Number}" }.Start();
    }

    /// <summary>Ends the thread before its next access; a thread that waits for a page keeps waiting.</summary>
    public void Stop() => _stopped = true;

    /// <summary>The actor has ended: the calls that wait for the guest are told, if its work is not done.</summary>
    public void Abandon()
    {
        Stop();
        _ = _options.Progress.Finished.TrySetException(
            new VmFailedException($"vCPU {_options.Number} of {_vm.Name} was stopped before its work had ended."));
    }

    /// <summary>A fault of the thread has been read. In a turn of the context, while the thread sleeps.</summary>
    /// <returns>Where the monitor stamps it; null if it is not a sampled one.</returns>
    public FaultTrace? OnFault(in UffdMsg message)
    {
        // A touch is one access: a second fault of it means that a signal interrupted the first, or that it was woken and the page was
        // still absent.
        long touch = Volatile.Read(ref _touch);
        (long, long, FaultFlags) fault = (touch, PageSize.PageOf(message.Address), message.Flags);
        if (fault == _latest) _options.Progress.Repeats++;
        else Volatile.Write(ref _faults, _faults + 1);
        _latest = fault;
        if (_trace is not { } trace) return null;
        // A second fault of the same touch is still the same wait.
        if (_options.SampleEvery == 1 && trace.Read == 0) _options.Blocked.Blocked(_vm.Context.Time.Now);
        trace.Flags = message.Flags;
        return trace;
    }

    private void Work()
    {
        try
        {
            if (_kernel.VcpuCpu is { } cpu) ThreadPlacement.BindTo(cpu);
            _kernel.Enter(this);
            TouchAll();
            _options.Blocked.Finished(MonotonicClock.Nanoseconds);
            if (!_kernel.IsHalted) _ = _options.Progress.Finished.TrySetResult();
        }
        catch (Exception e)
        {
            _ = _options.Progress.Finished.TrySetException(e);
        }
        finally
        {
            _kernel.Leave();
            _ended.SetResult();
        }
    }

    private void TouchAll()
    {
        GuestRegion[] regions = _kernel.Regions.All;
        LiveMemory[] memories = [.. regions.Select(_kernel.MemoryOf)];
        VcpuProgress progress = _options.Progress;
        FaultTrace? over = null;
        int next = 0;
        while (!_stopped && !_kernel.IsHalted && progress.Error is null && _options.TryNext(out GuestStep step))
        {
            long faults = _faults;
            // Whether this access faults is not known yet. If it does, it is fault number faults + 1; one in SampleEvery is stamped.
            FaultTrace? trace = (faults + 1) % _options.SampleEvery == 0 ? _traces[next] : null;
            ulong address = memories[step.Region].Guest.Address + ((ulong)step.Page << PageSize.BaseShift);
            if (regions[step.Region].IsUnmapped)
            {
                // Not touched: the SIGSEGV would end this process, not only the vCPU.
                progress.Error =
                    $"vCPU {_options.Number} got {AccessOutcome.SigSegv} (code 1) at 0x{address:x}: region {step.Region} has been unmapped";
                break;
            }

            trace?.Begin(faults + 1, _options.Number, address, MonotonicClock.Nanoseconds);
            _trace = trace;
            Volatile.Write(ref _touch, _touch + 1);
            ulong value = Touch(memories[step.Region], step, progress.Accesses);
            // The touch returned because the userfaultfd was closed, not because the page was filled: it has read zeros, or nothing.
            if (_kernel.IsHalted) break;
            long raised = Volatile.Read(ref _faults);
            if (raised != faults)
            {
                progress.Faults = raised;
                if (trace is not null)
                {
                    trace.Resumed = MonotonicClock.Nanoseconds;
                    next = (next + 1) % Traces;
                    if (_options.SampleEvery == 1) _options.Blocked.Resumed(trace.Resumed);
                    Record(over);
                    over = trace;
                }
            }

            if (!step.IsWrite) Check(step, value);
            if (progress.Error is null) progress.Accesses++;
        }

        Record(over);
    }

    // The ioctl may return after the vCPU has resumed, so its stations are clamped to that moment.
    private void Record(FaultTrace? trace)
    {
        if (trace is null) return;
        trace.Installed = Math.Min(trace.Installed, trace.Resumed);
        trace.Woken = Math.Min(trace.Woken, trace.Resumed);
        _options.Progress.Latency.Record(trace);
    }

    private ulong Touch(LiveMemory memory, GuestStep step, long accesses)
    {
        long offset = step.Page << PageSize.BaseShift;
        if (!step.IsWrite) return memory.Here.ReadWord(offset + GuestLayout.ReadOnlyLaneOf(step.Page));
        memory.Here.WriteWord(offset + GuestLayout.LaneOf(_options.Number), GuestLayout.ValueOf(_options.Number, accesses));
        return 0;
    }

    private void Check(GuestStep step, ulong value)
    {
        int offset = GuestLayout.ReadOnlyLaneOf(step.Page);
        if (_options.Check?.WordAt(step.Region, step.Page, offset) is { } expected && expected != value)
            _options.Progress.Error =
                $"vCPU {_options.Number} read 0x{value:x16} at offset 0x{offset:x} of page {step.Page}, expected 0x{expected:x16}";
    }
}
