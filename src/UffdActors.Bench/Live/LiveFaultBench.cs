using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;

namespace UffdActors.Bench.Live;

/// <summary>
/// Measures real page faults: pages never seen before, one demand fault each, no push. The ring and a loop without actors are interleaved
/// in this process, with the same memory, bytes, vCPUs' work and placement, so that disturbances of the machine affect both; a loop in C is
/// interleaved too if there is one. Every read value is checked.
/// </summary>
internal sealed class LiveFaultBench
{
    private readonly LiveBenchOptions _options;
    private readonly LiveCpus _cpus;
    private readonly LiveCpus[] _cpuOfEachVm;

    /// <summary>Makes a benchmark.</summary>
    /// <exception cref="BenchException">An option is out of its range.</exception>
    /// <exception cref="UnsupportedMachineException">There are too few CPUs.</exception>
    public LiveFaultBench(LiveBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _cpus = options.ChooseCpus();
        _cpuOfEachVm = options.ChooseCpuOfEachVm();
    }

    /// <summary>Runs all of it.</summary>
    /// <param name="progress">Called with what is measured next; may be null.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">A page did not hold what it must, or the native loop fails.</exception>
    /// <exception cref="UnsupportedMachineException">userfaultfd cannot be opened here.</exception>
    /// <exception cref="UffdException">The kernel refuses a call.</exception>
    /// <exception cref="UffdActors.Linux.SyscallException">The kernel refuses a call.</exception>
    /// <exception cref="VmFailedException">A VM failed closed.</exception>
    public async Task<LiveFaultReport> RunAsync(Action<string>? progress = null, CancellationToken cancel = default)
    {
        using (UffdDescriptor probe = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true }))
        {
            if (probe.Notice is { } notice) progress?.Invoke(notice);
        }

        using BytePages image = new(_options.Pages);
        LiveCell[] cells = [.. _options.Vcpus.Select(v => new LiveCell(v))];
        for (int repeat = 0; repeat <= _options.Repeats; repeat++)
        {
            foreach (LiveCell cell in cells)
            {
                progress?.Invoke($"{cell.Vcpus} vCPUs: {(repeat == 0 ? "warming up" : $"repeat {repeat} of {_options.Repeats}")}");
                LiveRepeat measured = await MeasureAsync(cell.Vcpus, repeat, image, cancel);
                // The first round includes JIT compilation and the first touch of the memory.
                if (repeat > 0) cell.Repeats.Add(measured);
            }
        }

        return LiveFaultReport.Of(_options, _cpus, cells);
    }

    private async Task<LiveRepeat> MeasureAsync(int vcpus, int repeat, BytePages image, CancellationToken cancel)
    {
        // The order alternates.
        bool ringFirst = repeat % 2 == 0;
        LiveSample? ring = ringFirst ? await RingAsync([_cpus], vcpus, repeat, image, cancel) : null;
        LiveSample direct = await DirectAsync(vcpus, repeat, image, cancel);
        ring ??= await RingAsync([_cpus], vcpus, repeat, image, cancel);
        LiveSample? vms = _options.Vms > 1 ? await RingAsync(_cpuOfEachVm, vcpus, repeat, image, cancel) : null;
        if (_options.Kind == LiveVcpus.Kvm)
            return await BesideKvmAsync(new LiveRepeat(direct, ring, null, null), vcpus, repeat, image, cancel);
        LiveSample? native = _options.Native is { } path ? await new NativeLoop(path).RunAsync(_options, vcpus, cancel) : null;
        return new LiveRepeat(direct, ring, native, vms);
    }

    private async Task<LiveRepeat> BesideKvmAsync(
        LiveRepeat threads, int vcpus, int repeat, BytePages image, CancellationToken cancel)
    {
        KvmRing ring = new(_options, _cpus, image);
        bool ringFirst = repeat % 2 == 0;
        KvmSample? kvm = ringFirst ? await ring.RunAsync(vcpus, cancel) : null;
        KvmSample? native = _options.Native is { } path ? await new KvmNativeLoop(path).RunAsync(_options, vcpus, cancel) : null;
        return threads with { Kvm = kvm ?? await ring.RunAsync(vcpus, cancel), KvmNative = native };
    }

    private async Task<LiveSample> RingAsync(LiveCpus[] cpus, int vcpus, int repeat, BytePages image, CancellationToken cancel)
    {
        using StartGate gate = new(vcpus * cpus.Length);
        TimedTouches[][] work =
            [.. cpus.Select((_, vm) => TimedTouches.Share(_options.Pages, vcpus, (ulong)((repeat * cpus.Length) + vm), gate))];
        return await RingGuest.RunAsync(_options, cpus, image, gate, work, cancel);
    }

    private async Task<LiveSample> DirectAsync(int vcpus, int repeat, BytePages image, CancellationToken cancel)
    {
        using StartGate gate = new(vcpus);
        using DirectLoop loop = new(_options, _cpus, image);
        return await loop.RunAsync(gate, TimedTouches.Share(_options.Pages, vcpus, (ulong)repeat, gate), cancel);
    }
}
