using UffdActors.Kvm.Programs;
using UffdActors.Linux.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Moves;

/// <summary>
/// A guest program that leaves. What it must be at its end is computed from the copy that stays behind: that goes on from where the guest
/// left, once the guest has ended at the destination, and never runs at the same time.
/// </summary>
internal sealed class LeavingProgram : ISourceGuest, IAsyncDisposable
{
    private readonly KvmGuest _guest;
    private readonly bool _isOwner;

    /// <summary>A guest that is here already, and stays its owner's.</summary>
    public LeavingProgram(MovedProgram program, Userfault? userfault)
        : this(program, userfault, isOwner: false)
    {
    }

    private LeavingProgram(MovedProgram program, Userfault? userfault, bool isOwner)
    {
        Program = program;
        Userfault = userfault;
        _guest = KvmGuest.Leaving(program.Vm, program.Machine, userfault);
        _isOwner = isOwner;
        Description = PlanRecord.ToBytes(program.Plan);
    }

    /// <summary>The guest.</summary>
    public MovedProgram Program { get; }

    /// <summary>What finds its writes; null if nothing does.</summary>
    public Userfault? Userfault { get; }

    /// <inheritdoc />
    public ReadOnlyMemory<byte> Description { get; }

    /// <summary>vCPUs that had not halted when it was stopped; null before.</summary>
    public int? LeftRunning { get; private set; }

    /// <summary>Checksums (RBX) of the vCPUs at their end, of the copy here; null before.</summary>
    public IReadOnlyList<ulong>? Expected { get; private set; }

    /// <summary>The same at the destination; null before.</summary>
    public IReadOnlyList<ulong>? Actual { get; private set; }

    /// <summary>Boots a guest with all of its memory present; it does not run yet.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="plan">The guest.</param>
    /// <param name="image">The pages that it works on; stays the caller's, and is not needed afterwards.</param>
    /// <param name="backend">Memory module; null for anonymous memory.</param>
    /// <param name="tracks">What the guest writes is to be found, for a pre-copy.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<LeavingProgram> BootAsync(
        UffdRuntime runtime, KvmHost kvm, GuestPlan plan, GuestImage image, string? backend, bool tracks, CancellationToken cancel)
    {
        GuestContent content = new(BootArea.Make(plan), image);
        int unitPages = PostCopyMigration.PageBytesOf(runtime, backend) / GuestPlan.PageBytes;
        KvmMachine? machine = null;
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = (unitPages == 1 ? content.Pages : 0) + 16,
                HugePages = unitPages == 1 ? null : content.Pages / unitPages,
                StopGuest = c => machine?.StopAsync(c) ?? Task.CompletedTask,
            },
            cancel);
        try
        {
            GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = content.Pages, Module = backend }, cancel);
            Userfault? userfault = tracks ? await TrackAsync(vm, memory, content, cancel) : null;
            if (userfault is null) Fill(memory, content, cancel);
            ProgramDevice device = new(plan, vm, memory);
            machine = await kvm.CreateAsync(MovedProgram.Options(plan, vm, device), cancel);
            foreach (KvmVcpu vcpu in machine.Vcpus) await vcpu.EnterLongModeAsync(plan.RegsOf(vcpu.Number), GuestPlan.Tables, cancel);
            return new LeavingProgram(new MovedProgram(plan, vm, machine, device), userfault, isOwner: true);
        }
        catch
        {
            if (machine is not null) await machine.DisposeAsync();
            await vm.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs it here.</summary>
    public Task BeginAsync(CancellationToken cancel) => Program.Machine.ResumeAsync(cancel);

    /// <inheritdoc />
    public async Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancel)
    {
        ReadOnlyMemory<byte> state = await _guest.StopAsync(cancel);
        LeftRunning = Program.Running;
        return state;
    }

    /// <inheritdoc />
    public Task ResumeAsync(CancellationToken cancel) => _guest.ResumeAsync(cancel);

    /// <inheritdoc />
    public async Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancel)
    {
        Actual = [.. KvmMachine.Parse(endState.Span).Select(s => s.Regs.Rbx)];
        try
        {
            return await _guest.HashAtEndAsync(endState, cancel);
        }
        finally
        {
            await ((Task)ReadExpectedAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits for its end here.</summary>
    /// <returns>Checksums (RBX) of the vCPUs, and the SHA-256 of its memory.</returns>
    /// <exception cref="MigrationException">A vCPU ended by a failure.</exception>
    public async Task<(IReadOnlyList<ulong> Checksums, string MemorySha256)> EndAsync(CancellationToken cancel)
    {
        ReadOnlyMemory<byte> state = await _guest.EndAsync(cancel);
        byte[] hash = await Task.Run(() => _guest.Hash(cancel), cancel);
        return ([.. KvmMachine.Parse(state.Span).Select(s => s.Regs.Rbx)], Convert.ToHexStringLower(hash));
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (!_isOwner) return;
        await Program.Machine.DisposeAsync();
        await Program.Vm.DisposeAsync();
    }

    private async Task ReadExpectedAsync()
    {
        KvmVcpuState[] states = await Task.WhenAll(Program.Machine.Vcpus.Select(v => v.SaveAsync()));
        Expected = [.. states.Select(s => s.Regs.Rbx)];
    }

    private static async Task<Userfault> TrackAsync(UffdVm vm, GuestRegion memory, GuestContent content, CancellationToken cancel)
    {
        // Pages that the guest gives back must not come from the content again.
        Userfault userfault = await vm.OpenAsync(UffdFeatures.WpAsync | UffdFeatures.EventRemove, cancel);
        _ = await userfault.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect, cancel);
        ContentSource source = new(content);
        await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
        await (await userfault.PushAsync(memory, source, cancel)).WaitAsync(cancel);
        return userfault;
    }

    // Nothing is registered, so no touch blocks.
    private static void Fill(GuestRegion memory, GuestContent content, CancellationToken cancel)
    {
        using GuestMemory window = GuestMemory.Adopt(memory.Address, (long)memory.Bytes, MemoryBacking.Unknown, isShared: false);
        byte[] bytes = new byte[GuestPlan.PageBytes];
        for (long page = 0; page < memory.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            content.Read(page, bytes);
            window.Write(page << GuestPlan.PageShift, bytes);
        }
    }
}
