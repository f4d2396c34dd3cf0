using System.Globalization;
using System.Security.Cryptography;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Model.Operations.Maps;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Snapshots;

/// <summary>A guest on memory that is served, with what snapshots need of it. It is paused when it is made.</summary>
internal sealed class SnapshotGuest : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(1);

    private readonly UffdVm _vm;
    private readonly GuestLedger _before;

    private SnapshotGuest(
        UffdVm vm, GuestRegion memory, Userfault userfault, KvmMachine machine, ProgramDevice device, GuestPlan plan, GuestPages pages,
        GuestLedger before)
    {
        _vm = vm;
        Memory = memory;
        Userfault = userfault;
        Machine = machine;
        Device = device;
        Plan = plan;
        Pages = pages;
        _before = before;
    }

    /// <summary>Its memory.</summary>
    public GuestRegion Memory { get; }

    /// <summary>Its userfaultfd.</summary>
    public Userfault Userfault { get; }

    /// <summary>Its machine.</summary>
    public KvmMachine Machine { get; }

    /// <summary>Its devices.</summary>
    public ProgramDevice Device { get; }

    /// <summary>What it runs.</summary>
    public GuestPlan Plan { get; }

    /// <summary>What its pages hold.</summary>
    public GuestPages Pages { get; }

    /// <summary>Copies it while it runs; null unless writes are tracked so.</summary>
    public LiveCopy? Live { get; private init; }

    /// <summary>Pauses it after some rounds; null if it is not asked for.</summary>
    public RoundBrake? Brake { get; private init; }

    /// <summary>What it has told its devices, before it was restored too.</summary>
    public GuestLedger Ledger => _before.With(Device);

    /// <summary>Makes a guest from the beginning, or from a snapshot.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="options">The guest.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="KvmSnapshotException">This machine does not offer the CPU of the snapshot.</exception>
    /// <exception cref="KvmStateException">This machine refuses the state.</exception>
    public static async Task<SnapshotGuest> StartAsync(
        UffdRuntime runtime, KvmHost kvm, SnapshotGuestOptions options, CancellationToken cancel)
    {
        GuestPlan plan = options.Plan;
        KvmMachine? machine = null;
        int unitBytes = PostCopyMigration.PageBytesOf(runtime, options.Backend);
        if (plan.MemoryBytes % unitBytes != 0)
            throw new KvmSnapshotException(string.Create(
                CultureInfo.InvariantCulture,
                $"The guest has {plan.MemoryBytes:N0} bytes of memory, which are not whole pages of {options.Backend} ({unitBytes:N0} "
                    + $"bytes); restore it on anon or shmem."));
        if (plan.Kind == ProgramKind.Balloon && unitBytes != GuestPlan.PageBytes)
            throw new KvmSnapshotException(
                $"The guest gives single pages back, which {options.Backend} does not take; restore it on anon or shmem.");
        long pagesOfAll = plan.MemoryBytes >> GuestPlan.PageShift;
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = (unitBytes == GuestPlan.PageBytes ? pagesOfAll : 0) + 16,
                HugePages = unitBytes == GuestPlan.PageBytes ? null : plan.MemoryBytes / unitBytes,
                StopGuest = c => machine?.StopAsync(c).WaitAsync(StopTimeout, c) ?? Task.CompletedTask,
                IncidentObserver = options.IncidentObserver,
            },
            cancel);
        try
        {
            GuestRegion memory = options.Adopt is { } adopted
                ? await vm.AdoptMemoryAsync(adopted, cancel)
                : await vm.MapAsync(new RegionOptions { Pages = pagesOfAll, Module = options.Backend }, cancel);
            UffdFeatures features = (plan.Kind == ProgramKind.Balloon ? UffdFeatures.EventRemove : UffdFeatures.None)
                | (options.Tracking == WriteTracking.Async ? UffdFeatures.WpAsync : UffdFeatures.None);
            Userfault uffd = await vm.OpenAsync(features, cancel);
            RegisterModes modes = options.Tracking == WriteTracking.None ? RegisterModes.None : RegisterModes.WriteProtect;
            _ = await uffd.RegisterAsync(
                memory, modes | RegisterModes.Missing | (options.Adopt is null ? RegisterModes.None : RegisterModes.Minor), cancel);
            GuestPages pages = new(vm, memory, uffd, options.Content);
            LiveCopy? live = options.Tracking == WriteTracking.Sync
                ? new LiveCopy(uffd, memory, pages) { ForgetsWrites = options.ForgetsWrites }
                : null;
            await uffd.ServeAsync(
                new ServeOptions
                {
                    Source = options.Source,
                    Handlers = options.Handlers,
                    BeforeWrite = live is null ? null : (_, page) => live.BeforeWrite(page),
                },
                cancel);
            GuestLedger before = options.Snapshot?.State is { } state
                ? new GuestLedger(state.Console, [.. state.Reported.Select(HexText.Read)], state.GivenBack)
                : GuestLedger.None(plan.Vcpus);
            RoundBrake? brake = options.BrakeAfter is { } rounds ? new RoundBrake(rounds, before.RoundsOf(plan.Vcpus)) : null;
            ProgramDevice device = new(plan, vm, memory);
            List<IKvmDevice> devices = [device];
            if (live is not null) devices.Insert(0, new RemovalGate(memory.Pages, live.BeforeRemoval));
            if (brake is not null) devices.Insert(0, brake);
            machine = await kvm.CreateAsync(
                new KvmMachineOptions
                {
                    Memory = plan.Slots(memory),
                    Vcpus = plan.Vcpus,
                    Devices = devices,
                    StopTimeout = StopTimeout,
                },
                cancel);
            if (options.Snapshot is { } from)
            {
                await CpuCheck.RunAsync(machine, from.State.Vcpus, cancel);
                await machine.LoadAsync(from.State.Vcpus, cancel);
            }
            else
            {
                foreach (KvmVcpu vcpu in machine.Vcpus)
                    await vcpu.EnterLongModeAsync(plan.RegsOf(vcpu.Number), GuestPlan.Tables, cancel);
            }

            brake?.Arm(machine);
            return new SnapshotGuest(vm, memory, uffd, machine, device, plan, pages, before) { Live = live, Brake = brake };
        }
        catch
        {
            if (machine is not null) await machine.DisposeAsync();
            await vm.DisposeAsync();
            throw;
        }
    }

    /// <summary>Pushes pages in beside demand.</summary>
    public Task<BackgroundPush> PushAsync(IPageSource source, PrefetchOptions options, CancellationToken cancel) =>
        Userfault.PushAsync(Memory, source, options, cancel);

    /// <summary>Advises the kernel on pages of it, as other code of this machine may.</summary>
    public Task AdviseAsync(long firstPage, long pages, Advice advice, CancellationToken cancel = default) =>
        _vm.AdviseAsync(Memory, firstPage, pages, advice, cancel);

    /// <summary>Its result, when all of its vCPUs have ended.</summary>
    /// <param name="ends">How.</param>
    /// <param name="duration">How long it ran.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<GuestResult> ResultAsync(IReadOnlyList<VcpuEnd> ends, TimeSpan duration, CancellationToken cancel)
    {
        List<ulong?> checksums = [];
        foreach (KvmVcpu vcpu in Machine.Vcpus)
            checksums.Add(vcpu.Phase == VcpuPhase.Stopped ? (await vcpu.SaveAsync(cancel)).Regs.Rbx : null);
        (string Sha256, long Absent)? hash = ends.All(e => e.IsDone) ? await Task.Run(() => Hash(cancel), cancel) : null;
        GuestLedger ledger = Ledger;
        return new GuestResult
        {
            Ends = ends,
            Checksums = checksums,
            Reported = ledger.Reported,
            MemorySha256 = hash?.Sha256,
            AbsentPages = hash?.Absent ?? 0,
            Duration = duration,
            Exits = Machine.Vcpus.Sum(v => v.Exits),
            Latencies = [.. Machine.Vcpus.Select(_ => (FaultLatency?)null)],
            Console = ledger.Console,
            GivenBack = ledger.GivenBack,
            Faults = Userfault.Counts(),
            PushedPages = 0,
            Place = _vm.Place,
            PageBytes = Memory.PageBytes,
        };
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        // A vCPU that sleeps for a page that never comes is woken. It has been told to stop: it makes that one access, runs no further,
        // and nothing is taken from it any more.
        if (Machine.Vcpus.Any(v => v.Phase is VcpuPhase.Running or VcpuPhase.Pausing))
            await Userfault.AbandonAsync(AbsentPages.ReadAsZeros);
        await Machine.DisposeAsync();
        await _vm.DisposeAsync();
    }

    private (string Sha256, long Absent) Hash(CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[GuestPlan.PageBytes];
        long absent = 0;
        for (long page = 0; page < Memory.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            if (Pages.Read(page, bytes)) absent++;
            hash.AppendData(bytes);
        }

        return (Convert.ToHexStringLower(hash.GetHashAndReset()), absent);
    }
}
