using System.Buffers.Binary;
using System.Globalization;
using Akka.Actor;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.Machine;

namespace UffdActors.Kvm;

/// <summary>
/// A machine of KVM: memory of a <see cref="UffdVm"/>, vCPUs, devices of the embedder. It has no firmware and no interrupt controller; what
/// it runs is in its memory and in the registers of its vCPUs.
/// </summary>
/// <remarks>
/// Dispose of it before the VM. Give <see cref="StopAsync"/> to <see cref="VmOptions.StopGuest"/>, so that nothing of the guest runs when
/// the VM closes its userfaultfd. Safe for any thread.
/// </remarks>
public sealed class KvmMachine : IAsyncDisposable
{
    private const int MostStateBytes = 1 << 20;

    private readonly KvmHandle _vm;
    private readonly KvmMachineOptions _options;
    private readonly MemoryMap _map;

    internal KvmMachine(KvmHandle vm, IReadOnlyList<KvmVcpu> vcpus, KvmMachineOptions options, MemoryMap map)
    {
        _vm = vm;
        Vcpus = vcpus;
        _options = options;
        _map = map;
    }

    /// <summary>Its vCPUs, by number.</summary>
    public IReadOnlyList<KvmVcpu> Vcpus { get; }

    private static ReadOnlySpan<byte> Magic => "UFFDKVMS"u8;

    /// <summary>Runs every vCPU, for the first time or again.</summary>
    /// <exception cref="InvalidOperationException">One has ended by a failure, or has been stopped for good.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        Task.WhenAll(Vcpus.Select(v => v.ResumeAsync(cancellationToken)));

    /// <summary>Stops every vCPU between two instructions.</summary>
    /// <exception cref="OperationCanceledException">One did not pause in time; it will pause as soon as it can.</exception>
    public Task PauseAsync(CancellationToken cancellationToken = default) =>
        Task.WhenAll(Vcpus.Select(v => v.PauseAsync(cancellationToken)));

    /// <summary>Stops every vCPU for good; completes when all of them have stopped.</summary>
    /// <exception cref="OperationCanceledException">One does not stop in time.</exception>
    public Task StopAsync(CancellationToken cancellationToken = default) => Task.WhenAll(Vcpus.Select(v => v.StopAsync(cancellationToken)));

    /// <summary>
    /// Runs the guest until every vCPU has ended, or one has failed, or the time is over; then the others are stopped for good. No vCPU
    /// runs any more when this returns, except those reported as <see cref="VcpuEndKind.NotStopped"/>.
    /// </summary>
    /// <param name="deadline">How long the guest may take.</param>
    /// <param name="userfault">Its outstanding pages are reported if a vCPU cannot be stopped; null for none.</param>
    /// <param name="cancellationToken">Stops the guest.</param>
    /// <returns>How each vCPU has ended, by number.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the guest is being stopped.</exception>
    public async Task<IReadOnlyList<VcpuEnd>> RunAsync(
        TimeSpan deadline, Userfault? userfault = null, CancellationToken cancellationToken = default)
    {
        await ResumeAsync(cancellationToken);
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(deadline);
        List<Task<VcpuEnd>> open = [.. Vcpus.Select(v => v.Ended)];
        bool isLate = false;
        try
        {
            while (open.Count > 0)
            {
                Task<VcpuEnd> first = await Task.WhenAny(open).WaitAsync(late.Token);
                _ = open.Remove(first);
                if (!(await first).IsDone) break;
            }
        }
        catch (OperationCanceledException)
        {
            isLate = true;
        }

        IReadOnlyList<VcpuEnd> ends = await EndAllAsync(isLate ? deadline : null, userfault);
        cancellationToken.ThrowIfCancellationRequested();
        return ends;
    }

    /// <summary>The state of all vCPUs, none of which may run: one record, with its version.</summary>
    /// <exception cref="InvalidOperationException">One of them runs.</exception>
    public async Task<ReadOnlyMemory<byte>> SaveAsync(CancellationToken cancellationToken = default)
    {
        KvmVcpuState[] states = await Task.WhenAll(Vcpus.Select(v => v.SaveAsync(cancellationToken)));
        byte[][] records = [.. states.Select(s => s.ToBytes())];
        byte[] all = new byte[16 + records.Sum(r => 4 + r.Length)];
        Magic.CopyTo(all);
        BinaryPrimitives.WriteInt32LittleEndian(all.AsSpan(8), KvmVcpuState.Version);
        BinaryPrimitives.WriteInt32LittleEndian(all.AsSpan(12), records.Length);
        int at = 16;
        foreach (byte[] record in records)
        {
            BinaryPrimitives.WriteInt32LittleEndian(all.AsSpan(at), record.Length);
            record.CopyTo(all.AsSpan(at + 4));
            at += 4 + record.Length;
        }

        return all;
    }

    /// <summary>Loads a state that a machine with as many vCPUs has saved; no vCPU may run. None of them runs afterwards either.</summary>
    /// <exception cref="KvmStateException">It is damaged, of another version or number of vCPUs, or this machine refuses it.</exception>
    /// <exception cref="InvalidOperationException">One of them runs.</exception>
    public async Task LoadAsync(ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default)
    {
        KvmVcpuState[] states = Parse(state.Span);
        if (states.Length != Vcpus.Count)
            throw new KvmStateException(Text($"The state has {states.Length} vCPUs, and this machine {Vcpus.Count}."));
        await Task.WhenAll(states.Select((state, i) => Vcpus[i].LoadAsync(state, cancellationToken)));
    }

    /// <summary>
    /// Stops the guest, ends the vCPUs' threads and closes the machine. Waits <see cref="KvmMachineOptions.StopTimeout"/> for a vCPU that
    /// sleeps until a page comes; its thread ends by itself later.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        // All threads are stopped first: a vCPU in the kernel delays neither the others nor the caller by more than the time-out.
        foreach (KvmVcpu vcpu in Vcpus) vcpu.Actor.Tell(PoisonPill.Instance);
        foreach (KvmVcpu vcpu in Vcpus) vcpu.View.Thread!.End();
        try
        {
            await Task.WhenAll(Vcpus.Select(v => v.View.Thread!.Ended)).WaitAsync(_options.StopTimeout);
        }
        catch (TimeoutException)
        {
            // The kernel keeps the machine alive while one of its vCPUs is in use.
        }

        _vm.Dispose();
    }

    /// <summary>How long a vCPU may take to stop.</summary>
    internal TimeSpan StopTimeout => _options.StopTimeout;

    /// <summary>The vCPUs that could not be paused in time, a sentence each.</summary>
    /// <param name="userfault">Its outstanding pages are named; null for none.</param>
    internal IEnumerable<string> NotPaused(Userfault? userfault) => Vcpus
        .Where(v => v.Phase is VcpuPhase.Running or VcpuPhase.Pausing)
        .Select(v => NotStopped(v, null, userfault).Message);

    private async Task<IReadOnlyList<VcpuEnd>> EndAllAsync(TimeSpan? deadline, Userfault? userfault)
    {
        bool[] isLate = [.. Vcpus.Select(v => deadline is not null && !v.Ended.IsCompleted)];
        using CancellationTokenSource late = new(_options.StopTimeout);
        Task stop = StopAsync(late.Token);
        await ((Task)stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        List<VcpuEnd> ends = [];
        foreach (KvmVcpu vcpu in Vcpus)
        {
            if (vcpu.Phase != VcpuPhase.Stopped) ends.Add(NotStopped(vcpu, deadline, userfault));
            else if (isLate[vcpu.Number] && vcpu.View.End is { Kind: VcpuEndKind.Stopped })
                ends.Add(await LateAsync(vcpu, deadline!.Value));
            else ends.Add(await vcpu.Ended);
        }

        return ends;
    }

    private async Task<VcpuEnd> LateAsync(KvmVcpu vcpu, TimeSpan deadline)
    {
        KvmVcpuState state = await vcpu.SaveAsync(CancellationToken.None);
        return EndText.Of(
            vcpu.Number, VcpuEndKind.DeadlinePassed, Text($"has not ended within {deadline.TotalSeconds:0.###} s, and was stopped"),
            state.Regs.Rip, null, _map);
    }

    private static VcpuEnd NotStopped(KvmVcpu vcpu, TimeSpan? deadline, Userfault? userfault)
    {
        OutstandingPage? page = userfault?.OutstandingPages() is [var first, ..] ? first : null;
        string asked = page is { } p ? Text($"; asked for and not there: region {p.Region}, page {p.Page}") : "";
        string why = deadline is { } time ? Text($"has not ended within {time.TotalSeconds:0.###} s, and ") : "";
        return new VcpuEnd(
            vcpu.Number, VcpuEndKind.NotStopped,
            Text(
                $"vCPU {vcpu.Number} {why}cannot be stopped: its thread is in the kernel or a device, with its registers{asked}."))
        {
            Region = page?.Region,
            Page = page?.Page,
        };
    }

    /// <summary>The vCPUs of a record that <see cref="SaveAsync"/> has made.</summary>
    /// <exception cref="KvmStateException">It is damaged, or of another version.</exception>
    internal static KvmVcpuState[] Parse(ReadOnlySpan<byte> state)
    {
        if (state.Length < 16 || state.Length > MostStateBytes || !state[..8].SequenceEqual(Magic))
            throw new KvmStateException("This is no record of a machine.");
        int version = BinaryPrimitives.ReadInt32LittleEndian(state[8..]);
        if (version != KvmVcpuState.Version)
            throw new KvmStateException(
                Text($"The record of the machine has version {version}; this program knows version {KvmVcpuState.Version}."));
        int count = BinaryPrimitives.ReadInt32LittleEndian(state[12..]);
        if (count is < 1 or > KvmMachineOptions.MaxVcpus)
            throw new KvmStateException(Text($"The record of the machine has {count} vCPUs; 1 to {KvmMachineOptions.MaxVcpus} can be."));
        KvmVcpuState[] states = new KvmVcpuState[count];
        ReadOnlySpan<byte> rest = state[16..];
        for (int i = 0; i < count; i++)
        {
            int length = rest.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(rest) : -1;
            if (length < 0 || length > rest.Length - 4) throw new KvmStateException("The record of the machine ends early.");
            states[i] = KvmVcpuState.Read(rest.Slice(4, length));
            rest = rest[(4 + length)..];
        }

        return rest.Length == 0 ? states : throw new KvmStateException(Text($"{rest.Length} bytes follow the record of the machine."));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
