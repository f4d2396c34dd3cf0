using System.Diagnostics;
using System.Globalization;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// A post-copy migration: the destination starts empty, its vCPUs run from the first moment, faults are resolved from the source, and a
/// background push fills the rest. At the end the destination is compared with the source, byte by byte.
/// </summary>
/// <remarks><see cref="Snapshot"/> may be asked from any thread while <see cref="RunAsync"/> runs.</remarks>
public sealed class PostCopyMigration
{
    /// <summary>Handlers that a migration may have.</summary>
    public const int MaxHandlers = 64;

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
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Handlers, MaxHandlers);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Accesses);
        if (options.WriteRatio is not (>= 0 and <= 1)) throw OutOf(options.WriteRatio, nameof(options.WriteRatio), "0 to 1");
        if (!Enum.IsDefined(options.Mode))
            throw OutOf(options.Mode, nameof(options.Mode), string.Join(", ", Enum.GetNames<PostCopyMode>()));
        if (!Enum.IsDefined(options.Workload))
            throw OutOf(options.Workload, nameof(options.Workload), string.Join(", ", Enum.GetNames<WorkloadKind>()));
        if (options.StallTimeout <= TimeSpan.Zero && options.StallTimeout != Timeout.InfiniteTimeSpan)
            throw OutOf(options.StallTimeout, nameof(options.StallTimeout), "a time longer than none");
        _runtime = runtime;
        _options = options;
    }

    /// <summary>Bytes of a page of a destination's memory: a guest is a whole number of them.</summary>
    /// <param name="runtime">Runtime whose modules are asked.</param>
    /// <param name="backend">Memory module; null for anonymous memory.</param>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    public static int PageBytesOf(UffdRuntime runtime, string? backend)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return 1 << (backend is null ? PageSize.BaseShift : runtime.Modules.PageShiftOf(backend));
    }

    /// <summary>
    /// Checks that a destination can be made, before the guest's image is: maps and registers its memory, nothing more.
    /// </summary>
    /// <param name="runtime">Runtime.</param>
    /// <param name="backend">Memory module; null for anonymous memory.</param>
    /// <param name="mode">How faults are to be resolved.</param>
    /// <param name="profile">The kernel that the model is; null for the configured one.</param>
    /// <param name="bytes">
    /// Size of the guest, at least 1. Huge pages are reserved by mmap, so too small a pool is noticed here.
    /// </param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="UffdException">The memory cannot do what is asked.</exception>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine lacks something that is needed; the message says what to
    /// do.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public static async Task CheckAsync(
        UffdRuntime runtime, string? backend, PostCopyMode mode, KernelProfile? profile, long bytes = 1,
            CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        int pageBytes = PageBytesOf(runtime, backend);
        // Memory of base pages is not reserved, so one page is enough for the check.
        long units = pageBytes == PageSize.Base ? 1 : ((bytes - 1) / pageBytes) + 1;
        // The model's pool is as large as the guest; reserving its pages needs no content.
        VmOptions machine = new()
        {
            MemoryPages = 16,
            HugePages = pageBytes == PageSize.Base ? null : units,
            Content = ContentKind.Runs,
            Profile = profile,
        };
        await using UffdVm vm = await runtime.CreateVmAsync(machine, cancellationToken);
        _ = await OrWhyAsync(vm, async () =>
        {
            GuestRegion region =
                await vm.MapAsync(
                    new RegionOptions { Pages = units * (pageBytes >> PageSize.BaseShift), Module = backend }, cancellationToken);
            Userfault uffd = await vm.OpenAsync(UffdFeatures.None, cancellationToken);
            return await uffd.RegisterAsync(region, ModesOf(mode), cancellationToken);
        });
    }

    // A failure in a module's code is EIO, and the cause is in an incident, which has no other reader before the guest runs.
    private static async Task<T> OrWhyAsync<T>(UffdVm vm, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (UffdException e)
            when (e.Error == Errno.EIO && vm.Incidents.TryRead(out Incident? incident) && incident.Kind == IncidentKind.BackendFailed)
        {
            throw new ModuleException(incident.Message, e);
        }
    }

    /// <summary>Progress; null before the first vCPU runs.</summary>
    public PostCopySnapshot? Snapshot() => _running?.Snapshot();

    /// <summary>The migration under way, for those who look on; null before the first vCPU runs.</summary>
    internal Running? Running => _running;

    /// <summary>Incidents of the VM; null before it exists.</summary>
    public System.Threading.Channels.ChannelReader<Incident>? Incidents => _running?.Vm.Incidents;

    /// <summary>True if the image cannot be used any more, which ends the migration; incidents about lost pages then only repeat
    /// that.</summary>
    internal bool HasFlawedImage => _options.Image.Flaw is not null;

    /// <summary>The incident that has ended the migration; null if none has.</summary>
    public Incident? EndedBy => _running?.EndedBy;

    /// <summary>True for an incident that ends a migration: the memory module throws, or a fill is refused for good.</summary>
    public static bool IsEnd(Incident incident)
    {
        ArgumentNullException.ThrowIfNull(incident);
        return incident.Kind is IncidentKind.BackendFailed or IncidentKind.FillRefused;
    }

    /// <summary>Migrates, and verifies.</summary>
    /// <exception cref="UffdException">The destination's memory cannot do what is asked.</exception>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    /// <exception cref="ImageException">The image has changed since it was opened, or cannot be read any more.</exception>
    /// <exception cref="UffdActors.Model.Inputs.InputFileException">The recorded workload cannot be read.</exception>
    /// <exception cref="VmFailedException">The VM failed closed.</exception>
    /// <exception cref="StalledException">
    /// No progress within <see cref="PostCopyOptions.StallTimeout"/>; or none is possible, because the memory module throws or a fill is
    /// refused for good (<see cref="EndedBy"/>).
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; the destination is gone.</exception>
    public async Task<PostCopyReport> RunAsync(CancellationToken cancellationToken = default)
    {
        using Activity? whole = MigrationActivities.Begin("Whole");
        IReadOnlyList<IWorkload> workloads = Workloads();
        long pages = _options.Image.Pages;
        int unitPages = PageBytesOf(_runtime, _options.Backend) >> PageSize.BaseShift;
        if (pages % unitPages != 0)
            throw new ImageException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"A guest of {_options.Image.Bytes:N0} bytes is not a whole number of pages of "
                        + $"{unitPages << PageSize.BaseShift:N0} bytes; make or read the image for this page size."));
        EndingIncident ending = new();
        VmOptions machine = new()
        {
            MemoryPages = (unitPages == 1 ? pages : 0) + 16,
            HugePages = unitPages == 1 ? null : pages / unitPages,
            Profile = _options.Profile,
            Content = ContentKind.Bytes,
            IncidentObserver = ending.Take,
            FaultObserver = _options.FaultObserver,
        };
        await using UffdVm vm = await _runtime.CreateVmAsync(machine, cancellationToken);
        vm.PrefaultMemory(_options.Image.StoredPages, cancellationToken);
        GuestRegion region = await OrWhyAsync(vm, () => MapAsync(vm, pages, cancellationToken));
        Userfault uffd = await vm.OpenAsync(UffdFeatures.None, cancellationToken);
        _ = await uffd.RegisterAsync(region, ModesOf(_options.Mode), cancellationToken);
        using ImageSource source = new(_options.Image);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = _options.Handlers, SourceActor = true }, cancellationToken);

        int collections = GC.CollectionCount(0);
        TimeSpan paused = GC.GetTotalPauseDuration();
        long start = vm.Now;
        // From the first fault on: no operator recovers a fill that is refused for good.
        ending.Begin();
        if (_options.RecordWorkingSet) uffd.RecordWorkingSet(region);
        VcpuGroup vcpus = await vm.StartVcpusAsync(workloads, 1, new ImageCheck(_options.Image), cancellationToken);
        BackgroundPush? push = _options.SkipPush ? null : await uffd.PushAsync(region, source, _options.Prefetch, cancellationToken);
        Running running = _running = new Running(
            vm, uffd, vcpus, push, pages, start, ending, _runtime.Settings.IsStepped);
        long pushed;
        using (MigrationActivities.Begin("Transfer")) pushed = await EndAsync(running, cancellationToken);
        long ended = vm.Now;
        bool isStepped = _runtime.Settings.IsStepped;
        GarbageCollectionReport? garbage = isStepped ? null : new(GC.CollectionCount(0) - collections, GC.GetTotalPauseDuration() - paused);

        running.Phase = PostCopyPhase.Verifying;
        using Activity? verify = MigrationActivities.Begin("Verify");
        Comparison compared = await Verification.CompareAsync(_options.Image, vm, region, workloads, vcpus, isStepped, cancellationToken);
        _options.Image.CheckUnchanged();
        FaultCounts counters = uffd.Counts();
        return new PostCopyReport
        {
            Place = vm.Place,
            PageBytes = region.PageBytes,
            Pages = pages / unitPages,
            MissingPages = compared.MissingPages / unitPages,
            SourceHash = compared.SourceHash,
            DestinationHash = compared.DestinationHash,
            WrittenLanes = compared.WrittenLanes,
            GuestError = vcpus.Error,
            IsVirtualTime = isStepped,
            Duration = Span(ended - start),
            PushDuration = Span(pushed - start),
            Accesses = vcpus.Accesses,
            MissingReads = counters.Missing - counters.MissingWrites,
            MissingWrites = counters.MissingWrites,
            MinorReads = counters.Minor - counters.MinorWrites,
            MinorWrites = counters.MinorWrites,
            WriteProtectFaults = counters.WriteProtect,
            MergedFaults = counters.Merged,
            RepeatedFaults = counters.Repeated,
            DismissedRequests = counters.Dismissed,
            DemandPages = counters.DemandPages,
            DemandZeroPages = counters.DemandZeroPages,
            PushedPages = push?.Pages ?? 0,
            PushedZeroPages = push?.ZeroPages ?? 0,
            Latency = LatencySummary.Of(vcpus),
            Vcpus = vcpus.Reports(),
            AllBlocked = Span(vcpus.AllBlockedNanoseconds),
            WorkingSet = _options.RecordWorkingSet ? uffd.WorkingSetOf(region) : null,
            GarbageCollection = garbage,
        };
    }

    private static ArgumentOutOfRangeException OutOf(object value, string name, string use) =>
        new(name, value, string.Create(CultureInfo.InvariantCulture, $"{name} = {value}: use {use}."));

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    private static RegisterModes ModesOf(PostCopyMode mode) => mode == PostCopyMode.Minor ? RegisterModes.Minor : RegisterModes.Missing;

    // For CONTINUE, content is written through an alias; read-only memory holds its content already.
    private async Task<GuestRegion> MapAsync(UffdVm vm, long pages, CancellationToken cancel)
    {
        bool alias = false;
        if (_options.Backend is { } name)
        {
            // Code of the module, which may block; on virtual time there is one thread.
            bool isReadOnly = _runtime.Settings.IsStepped
                ? _runtime.Modules.IsReadOnly(name)
                : await Task.Run(() => _runtime.Modules.IsReadOnly(name), cancel).WaitAsync(_options.StallTimeout, cancel);
            if (isReadOnly && _options.Trace is null && _options.WriteRatio > 0)
                throw new ModuleException(
                    $"Memory module \"{name}\" is read-only; a guest in it cannot write: use a write ratio of 0, not "
                        + $"{_options.WriteRatio.ToString(System.Globalization.CultureInfo.InvariantCulture)}.");
            alias = _options.Mode == PostCopyMode.Minor && !isReadOnly;
        }

        return await vm.MapAsync(
            new RegionOptions { Pages = pages, Module = _options.Backend, WithAlias = alias },
            cancel);
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

    // Waits for the push and the guest; gives up after a time without progress.
    private async Task<long> EndAsync(Running running, CancellationToken cancel)
    {
        using CancellationTokenSource stalled = CancellationTokenSource.CreateLinkedTokenSource(cancel, _options.Image.Broken);
        await using CancellationTokenRegistration ended = running.Ended.Register(stalled.Cancel);
        StallWatch watch = new(running, _options.StallTimeout, stalled);
        await using (watch.Start(enabled: !_runtime.Settings.IsStepped))
        {
            try
            {
                if (running.Push is { } push) await push.WaitAsync(stalled.Token);
                long pushed = running.Vm.Now;
                await running.Vcpus.WaitAsync(stalled.Token);
                return pushed;
            }
            catch (InvalidOperationException e)
            {
                // Nobody unmaps the region: its memory answers fills with ENOENT.
                throw new StalledException($"The migration cannot go on. {e.Message}");
            }
            catch (OperationCanceledException) when (_options.Image.Flaw is { } flaw)
            {
                throw new ImageException(flaw.Message, flaw);
            }
            catch (OperationCanceledException) when (running.EndedBy is { } incident)
            {
                throw new StalledException($"The migration cannot go on. {incident.Message}");
            }
            catch (OperationCanceledException) when (watch.Report is { } report)
            {
                throw new StalledException(report);
            }
        }
    }

    private sealed class ImageCheck(GuestImage image) : IContentCheck
    {
        public ulong? WordAt(int region, long page, int offset)
        {
            try
            {
                return image.WordAt(page, offset);
            }
            catch (ImageException)
            {
                // The image reports it by itself, which ends the migration.
                return null;
            }
        }
    }
}
