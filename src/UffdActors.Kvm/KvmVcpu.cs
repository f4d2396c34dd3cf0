using Akka.Actor;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.State;
using UffdActors.Kvm.Vcpus;
using UffdActors.Linux;

namespace UffdActors.Kvm;

/// <summary>
/// A vCPU of a machine: one thread in KVM_RUN, and an actor that controls it. It begins paused, with the registers of a processor after
/// reset.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class KvmVcpu
{
    private readonly IActorRef _actor;
    private readonly VcpuView _view;
    private readonly IReadOnlyList<uint> _msrs;

    internal KvmVcpu(IActorRef actor, VcpuView view, IReadOnlyList<uint> msrs)
    {
        _actor = actor;
        _view = view;
        _msrs = msrs;
    }

    /// <summary>Number of the vCPU, from 0.</summary>
    public int Number => _view.Number;

    /// <summary>
    /// Its thread, as <c>gettid</c> gives it: its faults are those of this thread (<see cref="FaultLatency"/>). 0 once it has ended.
    /// </summary>
    public int ThreadId => _view.Thread?.ThreadId ?? 0;

    /// <summary>Its phase, a moment ago.</summary>
    public VcpuPhase Phase => _view.Phase;

    /// <summary>Exits from KVM_RUN to this process so far; interruptions are not counted.</summary>
    public long Exits => _view.Thread?.Exits ?? 0;

    /// <summary>Complete when the guest has ended on this vCPU, in order or not; loading a state makes it incomplete again.</summary>
    public Task<VcpuEnd> Ended => _view.Ended;

    internal IActorRef Actor => _actor;

    internal VcpuView View => _view;

    /// <summary>Runs the guest, for the first time or again. A vCPU that the guest has halted stays halted.</summary>
    /// <exception cref="InvalidOperationException">It has ended otherwise, is being paused, or has been stopped for good.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        TellAsync(done => new VcpuProtocol.Resume(done), cancellationToken);

    /// <summary>
    /// Stops the guest between two instructions; one that has ended stays as it is. A vCPU whose thread sleeps in the kernel until a page
    /// comes is paused when the page is there, or at once where the kernel's sleep can be interrupted.
    /// </summary>
    /// <exception cref="OperationCanceledException">It did not pause in time; it will pause as soon as it can.</exception>
    public Task PauseAsync(CancellationToken cancellationToken = default)
    {
        // Where the vCPUs keep all CPUs busy, the actor's turn comes after a time slice, which is milliseconds.
        _view.Thread?.Hasten();
        return TellAsync(done => new VcpuProtocol.Pause(done), cancellationToken, isEndEnough: true);
    }

    /// <summary>The state of a vCPU that does not run.</summary>
    /// <exception cref="InvalidOperationException">It runs.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public Task<KvmVcpuState> SaveAsync(CancellationToken cancellationToken = default)
    {
        bool isHalted = _view.End is { IsDone: true };
        return WorkAsync(vcpu => StateCalls.Save(vcpu, _msrs, isHalted), null, cancellationToken);
    }

    /// <summary>Loads a state into a vCPU that does not run. It is not started.</summary>
    /// <exception cref="InvalidOperationException">It runs.</exception>
    /// <exception cref="KvmStateException">This machine refuses the state.</exception>
    public Task LoadAsync(KvmVcpuState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        return WorkAsync(
            vcpu =>
            {
                StateCalls.Load(vcpu, state);
                return true;
            },
            state.IsHalted, cancellationToken);
    }

    /// <summary>
    /// Puts a vCPU that does not run into long mode: flat segments, paging on, no interrupt table, so that an exception ends it
    /// (<see cref="VcpuEndKind.TripleFault"/>).
    /// </summary>
    /// <param name="regs">Registers, RIP among them.</param>
    /// <param name="pageTables">Guest physical address of the top page table (CR3), a multiple of 4 KiB.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="InvalidOperationException">It runs.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    /// <exception cref="ArgumentException">The address of the page table is not a multiple of 4 KiB.</exception>
    public Task EnterLongModeAsync(KvmRegs regs, ulong pageTables, CancellationToken cancellationToken = default)
    {
        if ((pageTables & 0xFFF) != 0) throw new ArgumentException($"0x{pageTables:x} is no address of a page table.", nameof(pageTables));
        return WorkAsync(
            vcpu =>
            {
                StateCalls.EnterLongMode(vcpu, regs, pageTables);
                return true;
            },
            false, cancellationToken);
    }

    internal Task StopAsync(CancellationToken cancel) => TellAsync(done => new VcpuProtocol.Stop(done), cancel, isEndEnough: true);

    private Task TellAsync(Func<TaskCompletionSource, object> message, CancellationToken cancel, bool isEndEnough = false)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Tell(message(done));
        return AnswerAsync(done.Task, isEndEnough, cancel);
    }

    // After the machine was disposed of no actor answers; its threads have ended, or will as soon as they can.
    private async Task AnswerAsync(Task done, bool isEndEnough, CancellationToken cancel)
    {
        _ = await Task.WhenAny(done, _view.Thread?.Ended ?? done).WaitAsync(cancel);
        if (done.IsCompleted) await done;
        else if (!isEndEnough) throw new ObjectDisposedException(nameof(KvmMachine), $"The machine of vCPU {Number} has been disposed of.");
    }

    private async Task<T> WorkAsync<T>(Func<KvmHandle, T> work, bool? isHaltedAfter, CancellationToken cancel)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Tell(new VcpuProtocol.Work(Job, e => done.TrySetException(e), isHaltedAfter));
        await AnswerAsync(done.Task, isEndEnough: false, cancel);
        return await done.Task;

        void Job(KvmHandle vcpu)
        {
            try
            {
                _ = done.TrySetResult(work(vcpu));
            }
            catch (Exception e)
            {
                _ = done.TrySetException(e);
            }
        }
    }
}
