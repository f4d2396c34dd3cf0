using System.Diagnostics;
using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Statistics;
using UffdActors.Vcpus;

namespace UffdActors.PostCopy;

/// <summary>
/// A post-copy migration: the destination starts empty, its vCPUs run from the first moment, faults are resolved from the source, and a
/// background push fills the rest. At the end the destination is compared with the source, byte by byte.
/// </summary>
/// <remarks><see cref="Snapshot"/> may be asked from any thread while <see cref="RunAsync"/> runs.</remarks>
public sealed class PostCopyMigration
{
    private readonly UffdRuntime _runtime;
    private readonly PostCopyOptions _options;
    private volatile Running? _running;

    /// <summary>Makes a migration.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public PostCopyMigration(UffdRuntime runtime, PostCopyOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Vcpus, GuestLayout.MaxVcpus);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Handlers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Accesses);
        _runtime = runtime;
        _options = options;
    }

    /// <summary>How far it is; null before the first vCPU runs.</summary>
    public PostCopySnapshot? Snapshot() => _running?.Snapshot();

    /// <summary>Incidents of the VM; null before it exists.</summary>
    public System.Threading.Channels.ChannelReader<Incident>? Incidents => _running?.Vm.Incidents;

    /// <summary>Migrates, and verifies.</summary>
    /// <exception cref="UffdException">The destination's memory cannot do what is asked.</exception>
    /// <exception cref="Model.Backends.ModuleException">There is no such memory module.</exception>
    /// <exception cref="WorkloadFormatException">The recorded workload cannot be read.</exception>
    /// <exception cref="VmFailedException">The VM failed closed.</exception>
    /// <exception cref="StalledException">Nothing moves any more.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the destination is gone.</exception>
    public async Task<PostCopyReport> RunAsync(CancellationToken cancel = default)
    {
        IReadOnlyList<IWorkload> workloads = Workloads();
        long pages = _options.Image.Pages;
        await using UffdVm vm = await _runtime.CreateVmAsync(
            new VmOptions { MemoryPages = pages + 16, Profile = _options.Profile, Content = ContentKind.Bytes, Probe = _options.Probe }, cancel);
        vm.PrefaultMemory();
        bool minor = _options.Mode == PostCopyMode.Minor;
        GuestRegion region = await vm.MapAsync(
            new RegionOptions { Pages = pages, Module = _options.Backend, WithAlias = minor && _options.Backend is not null, LeaveAliasEmpty = _options.SkipAllocation },
            cancel);
        Userfault uffd = await vm.OpenAsync(UffdFeatures.None, cancel);
        _ = await uffd.RegisterAsync(region, minor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
        using ImageSource source = new(_options.Image);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = _options.Handlers, SourceActor = true }, cancel);

        int collections = GC.CollectionCount(0);
        TimeSpan paused = GC.GetTotalPauseDuration();
        long start = Stopwatch.GetTimestamp();
        VcpuGroup vcpus = await vm.StartVcpusAsync(workloads, 1, new ImageCheck(_options.Image), cancel);
        BackgroundPush? push = _options.SkipPush ? null : await uffd.PushAsync(region, source, cancel);
        Running running = _running = new Running(vm, uffd, vcpus, push, pages, start);
        TimeSpan pushed = await EndAsync(running, cancel);
        TimeSpan duration = Stopwatch.GetElapsedTime(start);

        (string sourceHash, string destinationHash, long missing) = await Verification.CompareAsync(_options.Image, vm, region, workloads, vcpus, cancel);
        FaultCounters counters = uffd.Reader!.Counters;
        return new PostCopyReport
        {
            Pages = pages,
            MissingPages = missing,
            SourceHash = sourceHash,
            DestinationHash = destinationHash,
            GuestError = vcpus.Error,
            Duration = duration,
            PushDuration = pushed,
            Accesses = vcpus.Accesses,
            MissingFaults = counters.Missing,
            MinorFaults = counters.Minor,
            WriteProtectFaults = counters.WriteProtect,
            MergedFaults = counters.Merged,
            DismissedRequests = counters.Dismissed,
            DemandPages = counters.DemandPages,
            DemandZeroPages = counters.DemandZeroPages,
            PushedPages = push?.Pages ?? 0,
            PushedZeroPages = push?.ZeroPages ?? 0,
            Latency = LatencySummary.Of(vcpus),
            Vcpus = vcpus.Reports(),
            AllBlocked = TimeSpan.FromTicks(vcpus.AllBlockedNanoseconds / TimeSpan.NanosecondsPerTick),
            GarbageCollection = (GC.CollectionCount(0) - collections, GC.GetTotalPauseDuration() - paused),
        };
    }

    private IReadOnlyList<IWorkload> Workloads()
    {
        if (_options.Trace is { } trace) return TraceWorkload.Read(trace, _options.Vcpus, _options.Image.Pages);
        return
        [
            .. Enumerable.Range(0, _options.Vcpus).Select(i => new SyntheticWorkload(
                _options.Workload, _options.Image.Pages, ShareOf(i), _options.WriteRatio, _options.Seed, i, _options.Vcpus)),
        ];
    }

    private long ShareOf(int vcpu) => (_options.Accesses / _options.Vcpus) + (vcpu < _options.Accesses % _options.Vcpus ? 1 : 0);

    // Waits for the push and the guest; gives up when nothing moves.
    private async Task<TimeSpan> EndAsync(Running running, CancellationToken cancel)
    {
        using CancellationTokenSource stalled = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        StallWatch watch = new(running, _options.StallTimeout, stalled);
        await using (watch.Start(enabled: !_runtime.Settings.IsStepped))
        {
            try
            {
                if (running.Push is { } push) await push.WaitAsync(stalled.Token);
                TimeSpan pushed = Stopwatch.GetElapsedTime(running.Start);
                await running.Vcpus.WaitAsync(stalled.Token);
                return pushed;
            }
            catch (OperationCanceledException) when (watch.Report is { } report)
            {
                throw new StalledException(report);
            }
        }
    }

    private sealed class ImageCheck(GuestImage image) : IContentCheck
    {
        public ulong? WordAt(int region, long page, int offset) => image.WordAt(page, offset);
    }
}
