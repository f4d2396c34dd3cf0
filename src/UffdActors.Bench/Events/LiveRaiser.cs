using UffdActors.Linux.Live;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Memory;
using UffdActors.Worlds;

namespace UffdActors.Bench.Events;

/// <summary>A thread of this process that frees pages by madvise(2), which returns when the event has been read.</summary>
internal sealed class LiveRaiser : IEventRaiser
{
    private readonly ManualResetEventSlim _start = new();
    private readonly GuestMemory _memory;
    private readonly EventRun _run;
    private readonly int _cpu;
    private CancellationToken _cancel;
    private volatile bool _isAbandoned;

    public LiveRaiser(UffdVm vm, EventRun run, int cpu)
    {
        _memory = ((LiveKernel)vm.Kernel).MemoryOf(run.Region).Guest;
        _run = run;
        _cpu = cpu;
        new Thread(Work) { IsBackground = true, Name = "uffd-bench-events" }.Start();
    }

    /// <inheritdoc />
    public void Start(CancellationToken cancel)
    {
        _cancel = cancel;
        _start.Set();
    }

    /// <inheritdoc />
    /// <remarks>The VM's end closes the userfaultfd, which wakes a call that still waits for the reader of its event.</remarks>
    public void Dispose()
    {
        _isAbandoned = true;
        _start.Set();
    }

    private void Work()
    {
        try
        {
            ThreadPlacement.BindTo(_cpu);
            _start.Wait();
            while (!_isAbandoned && _run.TryNext(out long offset))
            {
                _cancel.ThrowIfCancellationRequested();
                Errno error = _memory.Advise(offset, PageBytes, MemoryAdvice.DontNeed);
                if (error != Errno.None) throw new UffdException("madvise", error, KernelErrors.Explain("madvise", error));
            }

            _ = _run.Ended.TrySetResult();
        }
        catch (OperationCanceledException e)
        {
            _ = _run.Ended.TrySetCanceled(e.CancellationToken);
        }
        catch (Exception e)
        {
            _ = _run.Ended.TrySetException(e);
        }
    }

    private static long PageBytes => 1L << UffdActors.Model.Memory.PageSize.BaseShift;
}
