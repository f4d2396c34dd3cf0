using System.Globalization;
using UffdActors.Kvm;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.Linux.Needs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Guests;

/// <summary>The guest that arrives; of which kind it is, its source says. Dispose of it before the destination.</summary>
/// <param name="isLive">VMs run on this machine's kernel, as a KVM guest needs it.</param>
/// <param name="takesKvm">Only a KVM guest is taken, or with false only a simulated one; null for either.</param>
internal sealed class ReceivedGuest(bool isLive, bool? takesKvm) : IDestinationGuest, IAsyncDisposable
{
    private readonly WorkloadGuest _simulated = new();
    private KvmHost? _kvm;
    private volatile ArrivingProgram? _program;

    /// <summary>A KVM guest; null for a simulated one, and before a source has said which.</summary>
    public ArrivingProgram? Program => _program;

    /// <summary>The first thing that went wrong on a vCPU of a simulated guest here; null if nothing did.</summary>
    public string? Error => _simulated.Error;

    /// <summary>Accesses of a simulated guest.</summary>
    public long Accesses => _simulated.Accesses;

    /// <summary>How far it is.</summary>
    public string Progress => _program is not { } kvm
        ? string.Create(CultureInfo.InvariantCulture, $"{_simulated.Accesses} of {_simulated.AllAccesses} accesses")
        : kvm.Program is { } here
            ? string.Create(CultureInfo.InvariantCulture, $"{here.Running} of {here.Plan.Vcpus} vCPUs not at the end")
            : "a KVM guest";

    /// <inheritdoc />
    public VcpuGroup? Vcpus => _simulated.Vcpus;

    /// <inheritdoc />
    public bool GivesPagesBack => _program is { GivesPagesBack: true };

    /// <inheritdoc />
    public void Expect(ReadOnlyMemory<byte> description)
    {
        bool isKvm = PlanRecord.Is(description.Span);
        if (takesKvm is { } kvm && kvm != isKvm)
            throw new MigrationException(
                $"the source's guest is {(isKvm ? "a KVM guest" : "a simulated guest")}, and the receiver was started with --guest "
                    + (kvm ? "kvm" : "simulated"));
        if (!isKvm)
        {
            if (_program is not null) throw new MigrationException("another guest is expected here, a KVM guest");
            ((IDestinationGuest)_simulated).Expect(description);
            return;
        }

        if (!isLive)
            throw new MigrationException(
                "a KVM guest needs page faults of a kernel, and the receiver runs on the model; start it with --world live");
        try
        {
            _kvm ??= KvmHost.Start();
        }
        catch (UnsupportedMachineException e)
        {
            throw new MigrationException($"the receiver cannot run a KVM guest: {e.Message}", e);
        }

        ArrivingProgram program = _program ?? new ArrivingProgram(_kvm);
        program.Expect(description);
        _program = program;
    }

    /// <inheritdoc />
    public Task PrepareAsync(UffdVm vm, CancellationToken cancel) => Guest.PrepareAsync(vm, cancel);

    /// <inheritdoc />
    public Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancel) => Guest.LoadAsync(vm, state, cancel);

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancel) => Guest.StartAsync(cancel);

    /// <inheritdoc />
    public Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancel) => Guest.EndAsync(cancel);

    /// <inheritdoc />
    public Task AbortAsync(CancellationToken cancel) => Guest.AbortAsync(cancel);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_program is not null) await _program.DisposeAsync();
        if (_kvm is not null) await _kvm.DisposeAsync();
        _kvm = null;
    }

    private IDestinationGuest Guest => (IDestinationGuest?)_program ?? _simulated;
}
