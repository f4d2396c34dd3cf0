using System.Diagnostics;
using System.Security.Cryptography;
using UffdActors.Kvm.Programs;
using UffdActors.Linux.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Runs;

/// <summary>
/// Runs a guest program on the kernel of this machine: with all of its memory present, or with all of it absent and served by the runtime.
/// </summary>
/// <remarks><see cref="Progress"/> may be asked from any thread while a run is under way.</remarks>
internal sealed class GuestRunner
{
    private const int PageBytes = 1 << GuestPlan.PageShift;

    private readonly UffdRuntime _runtime;
    private readonly KvmHost _kvm;
    private readonly GuestRunOptions _options;
    private readonly GuestPlan _plan;
    private readonly GuestContent _content;
    private volatile Func<GuestProgress>? _progress;
    private volatile ServedRun? _served;

    /// <summary>Makes it.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="options">What to run.</param>
    public GuestRunner(UffdRuntime runtime, KvmHost kvm, GuestRunOptions options)
    {
        _runtime = runtime;
        _kvm = kvm;
        _options = options;
        _plan = options.Plan;
        _content = new GuestContent(BootArea.Make(_plan, options.Program), options.Image);
        if (_content.Pages << GuestPlan.PageShift != _plan.MemoryBytes)
            throw new ArgumentException($"The image makes {_content.Pages} pages of memory, and the plan says {_plan.MemoryBytes} bytes.");
    }

    /// <summary>Progress of the guest; null while none runs.</summary>
    public GuestProgress? Progress() => _progress?.Invoke();

    /// <summary>The run with all memory absent, to be looked at; null before its first instruction.</summary>
    public ServedRun? Served => _served;

    /// <summary>Runs it with all memory present: its results are those that every other run must have.</summary>
    public async Task<GuestResult> RunPresentAsync(CancellationToken cancel = default)
    {
        KvmMachine? machine = null;
        await using UffdVm vm = await _runtime.CreateVmAsync(Machine(c => machine?.StopAsync(c) ?? Task.CompletedTask), cancel);
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = _content.Pages, Module = _options.Backend }, cancel);
        Fill(memory, cancel);
        ProgramDevice device = new(_plan, vm, memory);
        await using KvmMachine running = machine = await BootAsync(memory, device, cancel);
        return await RunAsync(vm, memory, running, device, null, null, cancel);
    }

    /// <summary>Runs it with all memory absent.</summary>
    public async Task<GuestResult> RunServedAsync(CancellationToken cancel = default)
    {
        KvmMachine? machine = null;
        await using UffdVm vm = await _runtime.CreateVmAsync(Machine(c => machine?.StopAsync(c) ?? Task.CompletedTask), cancel);
        bool isMinor = _options.Mode == PostCopyMode.Minor;
        GuestRegion memory = await vm.MapAsync(
            new RegionOptions { Pages = _content.Pages, Module = _options.Backend, WithAlias = isMinor && _options.Backend is not null },
            cancel);
        // Pages that the guest frees must not be fetched from the source again.
        UffdFeatures features = _plan.Kind == ProgramKind.Balloon ? UffdFeatures.EventRemove : UffdFeatures.None;
        Userfault uffd = await vm.OpenAsync(features, cancel);
        _ = await uffd.RegisterAsync(memory, isMinor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
        ContentSource whole = new(_content);
        using IPageSource source = _options.AroundSource?.Invoke(whole) ?? whole;
        await uffd.ServeAsync(
            new ServeOptions
            {
                Source = source,
                Handlers = _options.Handlers,
                RecordFaultLatency = true,
                ThreadFaultObserver = _options.FaultObserver is { } observer
                    ? (thread, fault) => Observe(machine, thread, fault, observer)
                    : null,
            },
            cancel);
        if (_options.RecordWorkingSet) uffd.RecordWorkingSet(memory);
        ProgramDevice device = new(_plan, vm, memory);
        await using KvmMachine running = machine = await BootAsync(memory, device, cancel);
        BackgroundPush? push = _options.Prefetch is { } order ? await uffd.PushAsync(memory, source, order, cancel) : null;
        return await RunAsync(vm, memory, running, device, uffd, push, cancel);
    }

    private static void Observe(KvmMachine? machine, int thread, FaultTrace fault, Action<FaultTrace> observer)
    {
        if (machine?.Vcpus.FirstOrDefault(v => v.ThreadId == thread) is { } vcpu) observer(fault.WithVcpu(vcpu.Number));
    }

    private VmOptions Machine(Func<CancellationToken, Task> stop)
    {
        int unitPages = PostCopyMigration.PageBytesOf(_runtime, _options.Backend) / PageBytes;
        return new VmOptions
        {
            MemoryPages = (unitPages == 1 ? _content.Pages : 0) + 16,
            HugePages = unitPages == 1 ? null : _content.Pages / unitPages,
            StopGuest = stop,
            IncidentObserver = _options.IncidentObserver,
        };
    }

    private async Task<KvmMachine> BootAsync(GuestRegion memory, ProgramDevice device, CancellationToken cancel)
    {
        KvmMachine machine = await _kvm.CreateAsync(
            new KvmMachineOptions { Memory = _plan.Slots(memory), Vcpus = _plan.Vcpus, Devices = [device] }, cancel);
        foreach (KvmVcpu vcpu in machine.Vcpus) await vcpu.EnterLongModeAsync(_plan.RegsOf(vcpu.Number), GuestPlan.Tables, cancel);
        return machine;
    }

    private async Task<GuestResult> RunAsync(
        UffdVm vm, GuestRegion memory, KvmMachine machine, ProgramDevice device, Userfault? uffd, BackgroundPush? push,
        CancellationToken cancel)
    {
        long begun = Stopwatch.GetTimestamp();
        PageBitmap? received = uffd?.ReceivedOf(memory);
        _progress = () => new GuestProgress(
            Stopwatch.GetElapsedTime(begun), received?.Count ?? memory.Pages, memory.Pages, uffd?.Faults ?? 0, uffd?.Outstanding ?? 0,
            machine.Vcpus.Count(v => v.Phase is VcpuPhase.Running or VcpuPhase.Pausing), device.Console, uffd is not null);
        ServedRun? served = uffd is null ? null : new ServedRun(vm, memory, uffd, push, vm.Now);
        _served = served;
        try
        {
            IReadOnlyList<VcpuEnd> ends = await machine.RunAsync(_options.Deadline, uffd, cancel);
            TimeSpan duration = Stopwatch.GetElapsedTime(begun);
            served?.End();
            if (push is not null) await push.StopAsync(cancel);
            bool isDone = ends.All(e => e.IsDone);
            (string? hash, long absent) = isDone ? await HashAsync(vm, memory, uffd, cancel) : (null, 0);
            return new GuestResult
            {
                Ends = ends,
                Checksums = await ChecksumsAsync(machine, cancel),
                Reported = [.. device.Reported],
                MemorySha256 = hash,
                AbsentPages = absent,
                Duration = duration,
                Exits = machine.Vcpus.Sum(v => v.Exits),
                Latencies = await LatenciesAsync(machine, uffd, cancel),
                Console = device.Console,
                GivenBack = device.GivenBack,
                Faults = uffd?.Counts(),
                PushedPages = push is null ? 0 : push.Pages + push.ZeroPages,
                Place = vm.Place,
                PageBytes = memory.PageBytes,
                WorkingSet = _options.RecordWorkingSet && uffd is not null ? uffd.WorkingSetOf(memory) : null,
            };
        }
        finally
        {
            _progress = null;
        }
    }

    private static async Task<IReadOnlyList<ulong?>> ChecksumsAsync(KvmMachine machine, CancellationToken cancel)
    {
        List<ulong?> all = [];
        foreach (KvmVcpu vcpu in machine.Vcpus)
            all.Add(vcpu.Phase == VcpuPhase.Stopped ? (await vcpu.SaveAsync(cancel)).Regs.Rbx : null);
        return all;
    }

    private static async Task<IReadOnlyList<FaultLatency?>> LatenciesAsync(KvmMachine machine, Userfault? uffd, CancellationToken cancel)
    {
        IReadOnlyList<FaultLatency> all = uffd is null ? [] : await uffd.FaultLatenciesAsync(cancel);
        return [.. machine.Vcpus.Select(v => all.FirstOrDefault(l => l.ThreadId == v.ThreadId))];
    }

    // Nothing is registered, so no touch blocks.
    private void Fill(GuestRegion memory, CancellationToken cancel)
    {
        using GuestMemory window = GuestMemory.Adopt(memory.Address, (long)memory.Bytes, MemoryBacking.Unknown, isShared: false);
        byte[] bytes = new byte[PageBytes];
        for (long page = 0; page < memory.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            // Memory begins as zeros, and a hole of a large image takes none.
            if (_content.IsZero(page)) continue;
            _content.Read(page, bytes);
            window.Write(page << GuestPlan.PageShift, bytes);
        }
    }

    private async Task<(string Hash, long Absent)> HashAsync(
        UffdVm vm, GuestRegion memory, Userfault? uffd, CancellationToken cancel)
    {
        HashSet<long> removed = [];
        if (uffd is not null)
        {
            foreach (PageStateRange range in await uffd.PageStatesAsync(memory, 0, memory.Pages, cancel))
            {
                if (range.State != PageState.Removed) continue;
                for (long page = range.FirstPage; page < range.FirstPage + range.Pages; page++) _ = removed.Add(page);
            }
        }

        return await Task.Run(() => Hash(vm, memory, uffd is not null, removed, cancel), cancel);
    }

    private (string Hash, long Absent) Hash(
        UffdVm vm, GuestRegion memory, bool isServed, HashSet<long> removed, CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        GuestReader reader = vm.NewReader();
        byte[] bytes = new byte[PageBytes];
        long absent = 0;
        for (long page = 0; page < memory.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            if (!reader.TryRead(memory, page, bytes))
            {
                // Pages that the guest freed are zeros; pages never requested are still at the source.
                if (isServed && !removed.Contains(page))
                {
                    absent++;
                    _content.Read(page, bytes);
                }
                else
                {
                    Array.Clear(bytes);
                }
            }

            hash.AppendData(bytes);
        }

        return (Convert.ToHexStringLower(hash.GetHashAndReset()), absent);
    }
}
