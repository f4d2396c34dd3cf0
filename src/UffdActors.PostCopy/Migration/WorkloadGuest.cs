using System.Buffers.Binary;
using System.Security.Cryptography;
using UffdActors.Model.Memory;
using UffdActors.PostCopy.Migration;

namespace UffdActors.PostCopy;

/// <summary>
/// A guest without devices: vCPUs of this library that touch one region by a pattern. Its state is the progress of each vCPU, so it can be
/// stopped at any access and resumed anywhere; and because each vCPU writes into a lane of its own, its memory at the end can be computed
/// from its memory at any moment before.
/// </summary>
public sealed class WorkloadGuest : ISourceGuest, IDestinationGuest
{
    private const int StepsPerLook = 1 << 16;

    private readonly WorkloadGuestOptions? _options;
    private UffdVm? _vm;
    private WorkloadState? _state;
    private VcpuGroup? _vcpus;

    /// <summary>A guest that arrives: its workload comes with its state.</summary>
    public WorkloadGuest()
    {
    }

    /// <summary>A guest that starts here.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public WorkloadGuest(WorkloadGuestOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Vcpus, GuestLayout.MaxVcpus);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Accesses);
        _options = options;
    }

    /// <summary>Accesses that its vCPUs have done on both sides; 0 before it runs.</summary>
    public long Accesses => _vcpus?.Accesses ?? _state?.Done.Sum() ?? 0;

    /// <summary>Accesses of the whole guest; 0 before that is known.</summary>
    public long AllAccesses => _state?.Options.Accesses ?? 0;

    /// <summary>Its vCPUs, once it runs here; null before.</summary>
    public VcpuGroup? Vcpus => _vcpus;

    /// <summary>The first thing that went wrong on a vCPU here; null if nothing did.</summary>
    public string? Error => _vcpus?.Error;

    /// <summary>Starts it from its first access.</summary>
    /// <param name="vm">The machine; the guest works on its first region.</param>
    /// <param name="most">Accesses of all vCPUs after which it pauses until it is handed over or resumed; null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidOperationException">It is a guest that arrives, made without options.</exception>
    public Task BeginAsync(UffdVm vm, long? most = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(vm);
        if (_options is null) throw new InvalidOperationException("This guest arrives with a state; it does not begin here.");
        _vm = vm;
        _state = new WorkloadState(_options, vm.Regions[0].Pages, new long[_options.Vcpus]);
        return StartAsync(most, cancellationToken);
    }

    /// <inheritdoc />
    public async Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancellationToken)
    {
        VcpuGroup vcpus = Running;
        vcpus.Stop();
        return await EndAsync(cancellationToken);
    }

    /// <inheritdoc />
    public Task ResumeAsync(CancellationToken cancellationToken) => StartAsync(cancellationToken);

    /// <inheritdoc />
    public Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(vm);
        if (vm.Regions.Count != 1) throw new MigrationException($"This guest works on one region, and {vm.Regions.Count} were offered.");
        _vm = vm;
        _state = WorkloadState.Read(state.Span, vm.Regions[0].Pages);
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public async Task PrepareAsync(UffdVm vm, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(vm);
        // vCPUs without accesses: the code that starts them is JIT-compiled, and threads have been made once.
        VcpuGroup rehearsal = await vm.StartVcpusAsync(
            [new SyntheticWorkload(WorkloadKind.Random, 1, 0, 0, 0, 0, 1)], 1, cancellationToken);
        await rehearsal.WaitAsync(cancellationToken);
    }

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken) => StartAsync(null, cancellationToken);

    private async Task StartAsync(long? most, CancellationToken cancel)
    {
        WorkloadState state = _state ?? throw new InvalidOperationException("The guest has no state; load it first.");
        _vcpus = await _vm!.StartVcpusAsync(
            [
                .. Enumerable.Range(0, state.Done.Count).Select(i => new ContinuedWorkload(
                    WholeWorkload(state, i), state.Done[i], most is { } all ? ShareOf(all, i, state.Done.Count) : long.MaxValue)),
            ],
            sampleEvery: 1, cancel);
    }

    /// <inheritdoc />
    public async Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancellationToken)
    {
        VcpuGroup vcpus = Running;
        await vcpus.WaitAsync(cancellationToken);
        _state = _state! with { Done = [.. vcpus.Reports().Select(v => v.Accesses)] };
        return _state.ToBytes();
    }

    /// <inheritdoc />
    public async Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancellationToken)
    {
        WorkloadState now = _state ?? throw new InvalidOperationException("The guest has no state; it never ran here.");
        WorkloadState end = WorkloadState.Read(endState.Span, now.Pages);
        if (end.Options != now.Options) throw new MigrationException("The guest that has ended is not the one that left.");
        return await Task.Run(() => Hash(now, end, cancellationToken), cancellationToken);
    }

    /// <inheritdoc />
    public Task AbortAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static long ShareOf(long accesses, int vcpu, int vcpus) => (accesses / vcpus) + (vcpu < accesses % vcpus ? 1 : 0);

    private VcpuGroup Running => _vcpus ?? throw new InvalidOperationException("The guest has not been started.");

    private static SyntheticWorkload WholeWorkload(WorkloadState state, int vcpu)
    {
        WorkloadGuestOptions options = state.Options;
        return new(
            options.Workload, state.Pages, WorkloadState.ShareOf(options, vcpu), options.WriteRatio, options.Seed, vcpu, options.Vcpus);
    }

    // The memory here, with the later writes applied.
    private byte[] Hash(WorkloadState now, WorkloadState end, CancellationToken cancel)
    {
        List<Dictionary<long, ulong>> writes = [];
        for (int vcpu = 0; vcpu < now.Done.Count; vcpu++) writes.Add(WritesBetween(now, end, vcpu, cancel));
        GuestReader reader = _vm!.NewReader();
        GuestRegion region = _vm.Regions[0];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[PageSize.Base];
        for (long page = 0; page < region.Pages; page++)
        {
            if (page % StepsPerLook == 0) cancel.ThrowIfCancellationRequested();
            if (!reader.TryRead(region, page, bytes)) Array.Clear(bytes);
            for (int vcpu = 0; vcpu < writes.Count; vcpu++)
            {
                if (writes[vcpu].TryGetValue(page, out ulong value))
                    BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(GuestLayout.LaneOf(vcpu)), value);
            }

            hash.AppendData(bytes);
        }

        return hash.GetHashAndReset();
    }

    private static Dictionary<long, ulong> WritesBetween(WorkloadState now, WorkloadState end, int vcpu, CancellationToken cancel)
    {
        Dictionary<long, ulong> last = [];
        ContinuedWorkload rest = new(WholeWorkload(now, vcpu), now.Done[vcpu]);
        for (long i = now.Done[vcpu]; i < end.Done[vcpu] && rest.TryNext(out GuestStep step); i++)
        {
            if (i % StepsPerLook == 0) cancel.ThrowIfCancellationRequested();
            if (step.IsWrite) last[step.Page] = GuestLayout.ValueOf(vcpu, i);
        }

        return last;
    }
}
