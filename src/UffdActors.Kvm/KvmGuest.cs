using System.Globalization;
using System.Security.Cryptography;
using UffdActors.Linux;
using UffdActors.PostCopy;

namespace UffdActors.Kvm;

/// <summary>
/// A KVM machine as a guest of a migration: the source sends the state of all its vCPUs (<see cref="MigrationSource"/>), and the guest
/// resumes in another machine whose memory is fetched on touch (<see cref="MigrationDestination"/>). Devices of the embedder are not part
/// of the state: the embedder provides them on both sides.
/// </summary>
/// <remarks>
/// If the comparison is asked for, the source runs its own copy of the guest to the end once the guest has ended at the destination, to
/// compute the expected memory and registers. That needs a deterministic guest, and uses its devices again. The machine at the destination
/// is owned by this object: dispose of it before the destination.
/// </remarks>
public sealed class KvmGuest : ISourceGuest, IDestinationGuest, IAsyncDisposable
{
    private const int PageBytes = 4096;

    private readonly KvmHost? _host;
    private readonly Func<UffdVm, KvmMachineOptions>? _make;
    private readonly bool _ownsMachine;
    private readonly Userfault? _userfault;
    private UffdVm? _vm;
    private KvmMachine? _machine;

    private KvmGuest(
        KvmHost? host, Func<UffdVm, KvmMachineOptions>? make, UffdVm? vm, KvmMachine? machine, Userfault? userfault = null)
    {
        _userfault = userfault;
        _host = host;
        _make = make;
        _vm = vm;
        _machine = machine;
        _ownsMachine = machine is null;
    }

    /// <summary>Its machine; at the destination null before memory has been prepared.</summary>
    public KvmMachine? Machine => _machine;

    /// <summary>A guest at the source. The machine stays the caller's.</summary>
    /// <param name="vm">The VM; all of its regions are the guest's memory.</param>
    /// <param name="machine">Its machine.</param>
    /// <param name="userfault">
    /// What its memory is served by: its outstanding pages are named if a vCPU cannot be stopped. Null for nothing.
    /// </param>
    public static KvmGuest Leaving(UffdVm vm, KvmMachine machine, Userfault? userfault = null)
    {
        ArgumentNullException.ThrowIfNull(vm);
        ArgumentNullException.ThrowIfNull(machine);
        return new KvmGuest(null, null, vm, machine, userfault);
    }

    /// <summary>A guest at the destination.</summary>
    /// <param name="host">KVM.</param>
    /// <param name="make">The machine to be made over the regions of a VM: slots where the source has them, as many vCPUs, devices.</param>
    public static KvmGuest Arriving(KvmHost host, Func<UffdVm, KvmMachineOptions> make)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(make);
        return new KvmGuest(host, make, null, null);
    }

    private static ReadOnlySpan<byte> Magic => "UFFDKVMG"u8;

    /// <summary>That it is a machine of KVM.</summary>
    public ReadOnlyMemory<byte> Description => Magic.ToArray();

    /// <summary>True: a device of the embedder may be a balloon.</summary>
    public bool GivesPagesBack => true;

    /// <inheritdoc />
    public void Expect(ReadOnlyMemory<byte> description)
    {
        if (!description.Span.SequenceEqual(Magic))
            throw new MigrationException("this side waits for a machine of KVM, and the source's guest is another");
    }

    /// <inheritdoc />
    /// <exception cref="MigrationException">
    /// A vCPU has ended by a failure, or does not stop within <see cref="KvmMachineOptions.StopTimeout"/>: the others resume then, and so
    /// does that one once it can.
    /// </exception>
    public async Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancellationToken)
    {
        KvmMachine machine = Running;
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(machine.StopTimeout);
        try
        {
            await machine.PauseAsync(late.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            string why = string.Join(" ", machine.NotPaused(_userfault));
            foreach (KvmVcpu vcpu in machine.Vcpus) _ = ResumeOncePausedAsync(vcpu);
            throw new MigrationException($"The guest cannot be handed over. {why}");
        }

        if (machine.Vcpus.Select(v => v.View.End).FirstOrDefault(e => e is { IsDone: false }) is { } failed)
            throw new MigrationException($"The guest cannot be handed over. {failed.Message}");
        return await machine.SaveAsync(cancellationToken);
    }

    /// <inheritdoc />
    public Task ResumeAsync(CancellationToken cancellationToken) => Running.ResumeAsync(cancellationToken);

    /// <inheritdoc />
    /// <exception cref="MigrationException">The guest ends here in another state than at the destination.</exception>
    public async Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancellationToken)
    {
        KvmMachine machine = Running;
        await machine.ResumeAsync(cancellationToken);
        _ = await EndsAsync(machine, cancellationToken);
        KvmVcpuState[] there = KvmMachine.Parse(endState.Span);
        for (int i = 0; i < there.Length; i++)
        {
            KvmVcpuState here = await machine.Vcpus[i].SaveAsync(cancellationToken);
            if (here.Regs != there[i].Regs)
                throw new MigrationException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"vCPU {i} has ended there with other registers than here: {there[i].Regs}, not {here.Regs}."));
        }

        return await Task.Run(() => Hash(cancellationToken), cancellationToken);
    }

    /// <inheritdoc />
    /// <exception cref="UffdException">The machine cannot be made here.</exception>
    public async Task PrepareAsync(UffdVm vm, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(vm);
        if (_make is null) throw new InvalidOperationException("This guest leaves; it does not arrive here.");
        _vm = vm;
        _machine = await _host!.CreateAsync(_make(vm), cancellationToken);
    }

    /// <inheritdoc />
    public async Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        try
        {
            await Running.LoadAsync(state, cancellationToken);
        }
        catch (Exception e) when (e is KvmStateException or SyscallException)
        {
            throw new MigrationException(e.Message, e);
        }
    }

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken) => Running.ResumeAsync(cancellationToken);

    /// <inheritdoc />
    /// <exception cref="MigrationException">A vCPU ended by a failure.</exception>
    public async Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancellationToken)
    {
        KvmMachine machine = Running;
        _ = await EndsAsync(machine, cancellationToken);
        return await machine.SaveAsync(cancellationToken);
    }

    /// <inheritdoc />
    public Task AbortAsync(CancellationToken cancellationToken) => _machine?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_ownsMachine && _machine is { } machine) await machine.DisposeAsync();
    }

    private KvmMachine Running => _machine ?? throw new InvalidOperationException("The guest has no machine yet; prepare it first.");

    private static async Task ResumeOncePausedAsync(KvmVcpu vcpu)
    {
        try
        {
            await vcpu.PauseAsync();
            await vcpu.ResumeAsync();
        }
        catch (InvalidOperationException)
        {
            // It has ended meanwhile, or its machine was disposed of.
        }
    }

    private static async Task<IReadOnlyList<VcpuEnd>> EndsAsync(KvmMachine machine, CancellationToken cancel)
    {
        List<Task<VcpuEnd>> open = [.. machine.Vcpus.Select(v => v.Ended)];
        List<VcpuEnd> ends = [];
        while (open.Count > 0)
        {
            Task<VcpuEnd> first = await Task.WhenAny(open).WaitAsync(cancel);
            _ = open.Remove(first);
            VcpuEnd end = await first;
            if (!end.IsDone) throw new MigrationException($"The guest could not go on. {end.Message}");
            ends.Add(end);
        }

        return ends;
    }

    /// <summary>SHA-256 over all regions; no vCPU may run.</summary>
    internal byte[] Hash(CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        GuestReader reader = _vm!.NewReader();
        byte[] bytes = new byte[PageBytes];
        foreach (GuestRegion region in _vm.Regions)
        {
            for (long page = 0; page < region.Pages; page++)
            {
                cancel.ThrowIfCancellationRequested();
                if (!reader.TryRead(region, page, bytes)) Array.Clear(bytes);
                hash.AppendData(bytes);
            }
        }

        return hash.GetHashAndReset();
    }
}
