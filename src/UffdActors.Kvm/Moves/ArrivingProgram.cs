using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Moves;

/// <summary>A guest program that arrives: which one it is comes with the source's offer. Dispose of it before the destination.</summary>
/// <param name="kvm">KVM.</param>
internal sealed class ArrivingProgram(KvmHost kvm) : IDestinationGuest, IAsyncDisposable
{
    private GuestPlan? _plan;
    private KvmGuest? _guest;
    private volatile MovedProgram? _program;

    /// <summary>The guest; null before memory has been made for it.</summary>
    public MovedProgram? Program => _program;

    /// <summary>Checksums (RBX) of the vCPUs at their end here; null before.</summary>
    public IReadOnlyList<ulong>? Checksums { get; private set; }

    /// <inheritdoc />
    public bool GivesPagesBack => _plan?.Kind == ProgramKind.Balloon;

    /// <inheritdoc />
    public void Expect(ReadOnlyMemory<byte> description)
    {
        try
        {
            _plan = PlanRecord.Read(description.Span);
        }
        catch (KvmStateException e)
        {
            throw new MigrationException(e.Message, e);
        }
    }

    /// <inheritdoc />
    public async Task PrepareAsync(UffdVm vm, CancellationToken cancel)
    {
        if (_plan is not { } plan || vm.Regions.Count != 1 || vm.Regions[0].Pages << GuestPlan.PageShift != plan.MemoryBytes)
            throw new MigrationException("The memory that was offered is not that of the guest program.");
        if (plan.Kind == ProgramKind.Balloon && vm.Regions[0].PageBytes > GuestPlan.PageBytes)
            throw new MigrationException(
                $"program balloon gives single pages back, which {vm.Regions[0].Module} does not take; choose anon or shmem there");
        // An earlier link's memory is gone, and its machine was stopped with it.
        await DisposeAsync();
        ProgramDevice? device = null;
        KvmGuest guest = _guest = KvmGuest.Arriving(kvm, v =>
        {
            device = new ProgramDevice(plan, v, v.Regions[0]);
            return MovedProgram.Options(plan, v, device);
        });
        await guest.PrepareAsync(vm, cancel);
        _program = new MovedProgram(plan, vm, guest.Machine!, device!);
    }

    /// <inheritdoc />
    public Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancel) => Guest.LoadAsync(vm, state, cancel);

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancel) => Guest.StartAsync(cancel);

    /// <inheritdoc />
    public async Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancel)
    {
        ReadOnlyMemory<byte> state = await Guest.EndAsync(cancel);
        Checksums = [.. KvmMachine.Parse(state.Span).Select(s => s.Regs.Rbx)];
        return state;
    }

    /// <inheritdoc />
    public async Task AbortAsync(CancellationToken cancel)
    {
        if (_guest is not { } guest) return;
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(MovedProgram.StopTimeout);
        await guest.AbortAsync(late.Token);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_guest is { } guest) await guest.DisposeAsync();
        _guest = null;
    }

    private KvmGuest Guest => _guest ?? throw new InvalidOperationException("The guest has no machine yet; prepare it first.");
}
