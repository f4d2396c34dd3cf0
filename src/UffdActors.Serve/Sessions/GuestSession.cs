using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;
using UffdActors.Serve.Content;
using UffdActors.Serve.Dialects;
using UffdActors.Serve.Sessions;

namespace UffdActors.Serve;

/// <summary>
/// A guest of another process that is being served: from its hand-over until its VMM ends. The VMM is held by a pidfd, so its end is known
/// at once, whatever becomes of its connection; then everything is freed.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class GuestSession : IAsyncDisposable
{
    private readonly UffdVm _vm;
    private readonly HandOver _handOver;
    private readonly IContent _content;
    private readonly SessionOptions _options;
    private readonly SessionFate _fate;
    private readonly CancellationTokenSource _left = new();
    private readonly TaskCompletionSource<SessionEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _handedOver;
    private readonly Lazy<Task> _closing;
    private Userfault? _uffd;
    private GuestSource? _source;
    private SessionWorkingSet? _workingSet;
    private TimeSpan _setUp;
    private TimeSpan? _duration;
    private FaultCounts? _counts;
    private SessionFigures? _last;
    private long? _inode;
    private HandOver? _again;
    private int _isReleasing;
    private bool _tracksWrites;
    private readonly SemaphoreSlim _adding = new(1, 1);
    private Task _notes = Task.CompletedTask;

    private GuestSession(UffdVm vm, HandOver handOver, IContent content, SessionOptions options, SessionFate fate, long handedOver)
    {
        _vm = vm;
        _handOver = handOver;
        _content = content;
        _options = options;
        _fate = fate;
        _handedOver = handedOver;
        ProcessId = handOver.Peer.Id;
        _closing = new Lazy<Task>(CloseAsync);
    }

    /// <summary>Number of the VMM; 0 if it is in a PID namespace that this process does not see.</summary>
    public int ProcessId { get; }

    /// <summary>What the VMM has said.</summary>
    public HandOverMessage Message => _handOver.Message;

    /// <summary>
    /// Whether the VMM has a descriptor of the userfaultfd of its own, and its guest sleeps on without this process; null if this process
    /// may not look.
    /// </summary>
    public bool? VmmKeepsCopy => _fate.KeepsCopy;

    /// <summary>Features of its userfaultfd.</summary>
    public UffdFeatures Features => _handOver.Features;

    /// <summary>True while the session cannot go on, and its guest is left asleep.</summary>
    public bool IsFrozen => _fate.IsFrozen;

    /// <summary>Ends when the session has ended and everything is freed.</summary>
    public Task<SessionEnd> Ended => _ended.Task;

    /// <summary>Its machine, for those who look on.</summary>
    internal UffdVm Vm => _vm;

    /// <summary>What serves its memory, for those who look on.</summary>
    internal Userfault Userfault => _uffd!;

    /// <summary>The figures of now; when it has ended, of its end.</summary>
    public SessionFigures Figures()
    {
        if (Volatile.Read(ref _last) is { } last) return last;
        FaultCounts counts = Volatile.Read(ref _counts) ?? _uffd!.Counts();
        long received = 0;
        (TimeSpan mean, TimeSpan longest) = _source!.Reads.Times();
        foreach (GuestRegion region in _vm.Regions) received += _uffd!.ReceivedOf(region).Count;
        return new SessionFigures
        {
            Faults = counts.Faults,
            ContentPages = counts.DemandPages,
            ZeroPages = counts.DemandZeroPages,
            Events = counts.Events,
            BytesRead = _source.Reads.Bytes,
            ReadMean = mean,
            ReadLongest = longest,
            AbsentPages = _source.Pages - received,
            FaultsInFlight = _uffd!.Outstanding,
            WorkingSet = _workingSet?.Figures(),
            SetUp = _setUp,
            Duration = _duration ?? TimeProvider.System.GetElapsedTime(_handedOver),
        };
    }

    /// <summary>Looks at the files of a snapshot as a session would.</summary>
    /// <param name="options">Which files.</param>
    /// <returns>Bytes of the memory, and how many of them are stored in any of the files.</returns>
    /// <exception cref="ServeException">One of them cannot be served.</exception>
    public static (long Bytes, long StoredBytes) Measure(SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using MemoryLayers files = MemoryLayers.Open(options.MemoryPath, options.Diffs);
        if (options.Overlay.Count > 0) new Overlay(options.Overlay, files.Bytes + PageSize.Base - 1 >> PageSize.BaseShift).Dispose();
        return (files.Bytes, Math.Min(files.Bytes, files.CountStored() << PageSize.BaseShift));
    }

    /// <summary>
    /// Serves a guest of two pages that is made for it, so that the first guest of others does not wait until the code is compiled. Takes
    /// some tenths of a second.
    /// </summary>
    /// <param name="runtime">A runtime of the live world.</param>
    /// <param name="path">Path of a memory file.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ServeException">The memory file cannot be served.</exception>
    /// <exception cref="UffdException">This machine does not let this process serve faults.</exception>
    public static async Task WarmUpAsync(UffdRuntime runtime, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        const int Pages = 2;
        using FileContent content = new(MemoryLayers.Open(path, []));
        using GuestSource source = new(content, [0], Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages }, cancellationToken);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages }, cancellationToken);
        Userfault uffd = await vm.OpenAsync(cancellationToken: cancellationToken);
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing, cancellationToken);
        await uffd.ServeAsync(new ServeOptions { Source = source }, cancellationToken);
        VcpuGroup vcpu = await vm.StartVcpusAsync(
            [new SyntheticWorkload(
                WorkloadKind.Zipf, Pages, accesses: 1, writeRatio: 0, seed: 1, vcpu: 0, vcpus: 1)], cancellationToken: cancellationToken);
        await vcpu.WaitAsync(cancellationToken);
        _ = uffd.ReceivedOf(region).Count;
        await uffd.AbandonAsync(cancellationToken);
    }

    /// <summary>The same from a memory file that is made for it, for those who do not know yet what they will serve.</summary>
    internal static async Task WarmUpAsync(UffdRuntime runtime, CancellationToken cancellationToken = default)
    {
        const string Name = "uffd-warm-up";
        byte[] page = new byte[PageSize.Base];
        using MemoryObject made = MemoryObject.CreateShmem(Name, page.Length);
        // Stored, for the code that reads a page is to be met too, and a hole is not read.
        using (SafeFileHandle file = new(made.Handle.Number, ownsHandle: false)) RandomAccess.Write(file, page, 0);
        await WarmUpAsync(runtime, $"/proc/self/fd/{made.Handle.Number}", cancellationToken);
    }

    /// <summary>Begins to serve a guest. When it returns, faults are served, and a VMM that waits for an answer has got it.</summary>
    /// <param name="runtime">A runtime of the live world.</param>
    /// <param name="watch">Tells when the VMM ends; to be disposed of after the session.</param>
    /// <param name="handOver">What the VMM has handed over. It is taken over, whatever comes of it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels the beginning.</param>
    /// <exception cref="HandOverException">The layout is none of this memory file, or not what the VMM has mapped.</exception>
    /// <exception cref="ServeException">
    /// A file of the snapshot cannot be served; or the overlay is not of whole pages of it, or has one twice.
    /// </exception>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public static async Task<GuestSession> BeginAsync(
        UffdRuntime runtime, ProcessWatch watch, HandOver handOver, SessionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(watch);
        ArgumentNullException.ThrowIfNull(handOver);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxFaults, 1, nameof(options));
        long now = TimeProvider.System.GetTimestamp();
        IContent? content = null;
        UffdVm? vm = null;
        SessionFate? fate = null;
        GuestSession? session = null;
        try
        {
            content = ContentOf(options);
            ThrowIfShort(handOver.Message, content, options.MemoryPath);
            fate = new SessionFate(handOver.Peer, watch, options.OnFailure);
            vm = await runtime.CreateVmAsync(
                new VmOptions { MemoryPages = 1, IncidentObserver = fate.Take, StopGuest = fate.StopGuestAsync }, cancellationToken);
            session = new GuestSession(vm, handOver, content, options, fate, now);
            await session.ServeAsync(watch, cancellationToken);
            return session;
        }
        catch (Exception e)
        {
            // The process that kept it still holds its descriptors.
            if (handOver.IsTakenBack) fate?.Leave(handOver.IsHeld);
            // So does a successor that finds the guest in the state folder, if this process is just ending.
            bool isKept = handOver.IsTakenBack || (e is OperationCanceledException && handOver.Journal is not null);
            string refusal = isKept ? "" : RefusedGuest.Settle(handOver.Peer, handOver.Userfaultfd, options.OnFailure);
            if (vm is not null) await vm.DisposeAsync();
            // The next session records, if this one has recorded nothing.
            session?._workingSet?.Dispose();
            content?.Dispose();
            handOver.Dispose();
            if (refusal.Length == 0) throw;
            throw e switch
            {
                HandOverException or UffdException => new HandOverException(e.Message + refusal, e),
                ServeException => new ServeException(e.Message + refusal, e),
                _ => e,
            };
        }
    }

    /// <summary>
    /// Leaves the guest. If its VMM lives, the policy says what becomes of it: with <see cref="FailurePolicy.Kill"/>, or if nobody else
    /// holds its userfaultfd, it is killed; else it sleeps from the next absent page on, and this process's descriptor stays open until it
    /// ends.
    /// </summary>
    public async ValueTask DisposeAsync() => await _closing.Value;

    /// <summary>True once no thread of the guest runs any more.</summary>
    internal bool HasLostVmm => _fate.IsVmmGone;

    /// <summary>True for a guest that a predecessor has begun with.</summary>
    internal bool IsTakenBack => _handOver.IsTakenBack;

    /// <summary>
    /// True if a hand-over is this guest's once more: the same userfaultfd, and the same layout, to which regions may have been added.
    /// </summary>
    internal bool IsSameGuest(HandOver handOver) =>
        handOver.Message.WantsAnswer && _inode is not null && handOver.Userfaultfd.Inode == _inode
            && handOver.Message.Modes == Message.Modes && !Message.Regions.Except(handOver.Message.Regions).Any();

    /// <summary>Its VMM has connected again (Cloud Hypervisor does when it finds its connection at an end), and is answered.</summary>
    /// <param name="handOver">The same hand-over; taken over if this returns.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="HandOverException">The VMM does not listen any more.</exception>
    internal async Task ReattachAsync(HandOver handOver, CancellationToken cancel)
    {
        foreach (HandedRegion added in handOver.Message.Regions.Except(Message.Regions).ToArray()) await AddAsync(added, cancel);
        await handOver.AcknowledgeAsync(cancel);
        // Its connection stays as long as the guest is served; the earlier one is at an end.
        handOver.Userfaultfd.Dispose();
        Interlocked.Exchange(ref _again, handOver)?.Dispose();
        if (Ended.IsCompleted) Interlocked.Exchange(ref _again, null)?.Dispose();
        else _ = TakeRegionsAsync(handOver);
    }

    /// <summary>True while all of its pages are being filled.</summary>
    public bool IsReleasing => Volatile.Read(ref _isReleasing) != 0;

    /// <summary>
    /// Fills all pages of the guest, ends the registration of its memory, and lets it go: from then on it needs nobody, and what it gives
    /// back is the kernel's to fill. Faults are served meanwhile, before all else. The session has ended then
    /// (<see cref="SessionEnd.Released"/>).
    /// </summary>
    /// <param name="cancellationToken">Stops the filling: the guest is served on as before, and has what came until then.</param>
    /// <exception cref="ServeException">It cannot be released; the message says why. It is served on.</exception>
    /// <exception cref="UffdException">The kernel refuses, or the VMM has ended.</exception>
    /// <exception cref="VmFailedException">The session has ended.</exception>
    public async Task ReleaseAsync(CancellationToken cancellationToken = default)
    {
        if (_tracksWrites)
            throw new ServeException(
                $"The guest of process {ProcessId} tracks its writes by this registration, and would lose them; it is served on.");
        if (Interlocked.Exchange(ref _isReleasing, 1) != 0)
            throw new ServeException($"The guest of process {ProcessId} is being drained already.");
        try
        {
            await FillAsync(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            SessionFigures figures = Figures();
            // Region after region: all pages of all are there, or were given back.
            foreach (GuestRegion region in _vm.Regions) await _uffd!.UnregisterAsync(region, CancellationToken.None);
            Volatile.Write(ref _last, figures with { Duration = TimeProvider.System.GetElapsedTime(_handedOver) });
            _fate.IsReleased = true;
            await _uffd!.CloseAsync(CancellationToken.None);
        }
        catch (InvalidOperationException e)
        {
            // Gone absent again at the last moment, or left by others.
            throw new ServeException($"The guest of process {ProcessId} cannot be released: {e.Message}", e);
        }
        finally
        {
            Volatile.Write(ref _isReleasing, 0);
        }

        await _closing.Value;
    }

    /// <summary>
    /// Leaves the guest to a successor, whatever its policy says: it sleeps at its next absent page, until the successor serves it.
    /// One whose userfaultfd nobody else holds is killed, for it would read zeros.
    /// </summary>
    /// <param name="isHeld">Somebody else, a service manager for one, holds the userfaultfd too.</param>
    internal async Task LeaveAsync(bool isHeld)
    {
        _fate.Leave(isHeld);
        await _closing.Value;
    }

    /// <summary>Kills the VMM, whatever the policy; the session ends with it.</summary>
    /// <exception cref="ServeException">This process may not.</exception>
    internal async Task KillAsync()
    {
        if (!_fate.IsVmmGone && !_fate.TryKill()) throw new ServeException($"Process {ProcessId} cannot be killed from here.");
        _ = await Ended;
    }

    private static IContent ContentOf(SessionOptions options)
    {
        IContent content = SharedContentOf(options);
        if (options.Overlay.Count == 0) return content;
        try
        {
            return new OverlaidContent(content, new Overlay(options.Overlay, content.Pages));
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    private static IContent SharedContentOf(SessionOptions options)
    {
        if (options.BackEnd is { } backEnd)
        {
            ContentCache needed = options.Cache
                ?? throw new ServeException($"Snapshot \"{options.MemoryPath}\" has a back end and no cache to be fetched to; set one.");
            return needed.Open("back end " + options.MemoryPath, new BackEndContent(backEnd));
        }

        MemoryLayers files = MemoryLayers.Open(options.MemoryPath, options.Diffs);
        FileContent content = new(files, options.HoldBack);
        return options.Cache?.Open(files.Key, content) ?? content;
    }

    private static void ThrowIfShort(HandOverMessage message, IContent content, string name)
    {
        for (int i = 0; i < message.Regions.Count; i++)
        {
            HandedRegion region = message.Regions[i];
            if (region.FileOffset + region.Bytes > content.Pages << PageSize.BaseShift)
                throw new HandOverException(
                    $"Region {i} of the layout reaches to byte {region.FileOffset + region.Bytes} of memory file \"{name}\", "
                        + $"which has {content.Pages << PageSize.BaseShift}: it is the file of another guest, or cut.");
        }
    }

    private async Task ServeAsync(ProcessWatch watch, CancellationToken cancel)
    {
        HandOverMessage message = _handOver.Message;
        _fate.KeepsCopy = _handOver.Peer.HasCopyOf(_handOver.Userfaultfd.Number);
        _inode = _handOver.Userfaultfd.Inode;
        using ReceivedDescriptor copy = _handOver.Userfaultfd.Copy();
        Userfault uffd = await _vm.AdoptUserfaultAsync(
            new AdoptedUserfault
            {
                // Until it is served, what becomes of a guest that is refused is decided by the descriptor that was handed over.
                Descriptor = copy.Take(),
                IsOfOtherProcess = true,
                ProcessId = ProcessId == 0 ? null : ProcessId,
                Journal = _handOver.Journal,
            },
            cancel);
        _uffd = uffd;
        List<(GuestRegion Region, long FileOffset)> filledAhead = [];
        IReadOnlyList<RegionPlan> plans = RegionPlan.Of(_handOver);
        for (int number = 0; number < plans.Count; number++)
        {
            RegionPlan plan = plans[number];
            GuestRegion region = await _vm.AdoptMemoryAsync(
                plan.Memory() with { RegisteredAs = _handOver.RegisteredAs[number] }, cancel);
            _handOver.RegisteredAs[number] = await RegisterAsync(uffd, region, plan.Region, plan.Modes, cancel);
            _tracksWrites |= (plan.Modes & RegisterModes.WriteProtect) != 0;
            // Through the memory's file a page would be written over that the guest has already.
            if (plan.File is null) filledAhead.Add((region, plan.Region.FileOffset));
        }

        // The guest of a session that is taken back has begun to run long ago.
        if (_options.WorkingSet is { } set && !IsTakenBack) _workingSet = new SessionWorkingSet(set, _content, _options.Observer);
        _source = new GuestSource(
            _content, [.. message.Regions.Select(r => r.FileOffset)], message.Bytes >> PageSize.BaseShift, _workingSet?.Touched);
        await uffd.ServeAsync(new ServeOptions { Source = _source, MaxOutstanding = _options.MaxFaults }, cancel);
        await _handOver.AcknowledgeAsync(cancel);
        _handOver.Userfaultfd.Dispose();
        if (_workingSet is { } workingSet) await workingSet.BeginAsync(uffd, _source, filledAhead);
        _setUp = TimeProvider.System.GetElapsedTime(_handedOver);
        _notes = TellAsync();
        _ = WaitForEndAsync(watch);
        if (message.WantsAnswer && _handOver.Socket is not null) _ = TakeRegionsAsync(_handOver);
    }

    private async Task<UffdIoctls> RegisterAsync(
        Userfault uffd, GuestRegion region, HandedRegion handed, RegisterModes modes, CancellationToken cancel)
    {
        UffdIoctls ioctls;
        try
        {
            ioctls = await uffd.RegisterAsync(region, modes, cancel);
        }
        catch (UffdException e)
        {
            if (_handOver.Peer.HasEnded) throw new HandOverException("The VMM has ended before its guest could be served.", e);
            throw new HandOverException(
                $"Region {region.Id} of the layout (0x{handed.Address:x}, {handed.Bytes} bytes, pages of {handed.PageBytes}) is not "
                    + $"what the VMM has registered there: {e.Message.TrimEnd('.')}.",
                e);
        }

        // Pages of zeros are there for base pages alone.
        if (handed.PageBytes == PageSize.Base && (ioctls & UffdIoctls.ZeroPage) == 0)
            throw new HandOverException(
                $"Region {region.Id} of the layout has huge pages, and the message does not say so (page_size, in bytes).");
        return ioctls;
    }

    // Memory that is plugged in is told of on the connection, as long as that is there.
    private async Task TakeRegionsAsync(HandOver connection)
    {
        CancellationToken stop = _left.Token;
        try
        {
            while (await AddedRegion.ReceiveAsync(connection.Socket!, Message.Regions.Count, stop) is { } region)
            {
                await AddAsync(region, stop);
                await connection.AnswerAsync(stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            // Asked for, or the VMM has closed it.
        }
        catch (Exception e) when (e is HandOverException or UffdException or VmFailedException or IOException)
        {
            // There is no answer that says no: the VMM waits for two seconds, or finds its connection at an end.
            connection.Socket!.Dispose();
            bool isKilled = _options.OnFailure == FailurePolicy.Kill && _fate.TryKill();
            _options.Observer?.Invoke(new SessionNote(
                isKilled ? SessionNoteKind.Killed : SessionNoteKind.Warning,
                $"Memory that the VMM adds is not served: {e.Message} Its connection is closed"
                    + (isKilled ? ", and it is killed." : "; what the guest touches there stays asleep.")));
        }
    }

    private async Task AddAsync(HandedRegion handed, CancellationToken cancel)
    {
        await _adding.WaitAsync(cancel);
        try
        {
            IReadOnlyList<HandedRegion> all = LayoutReader.Layout([.. Message.Regions, handed]);
            ThrowIfShort(Message with { Regions = all }, _content, _options.MemoryPath);
            RegionPlan plan = RegionPlan.Of(_handOver, handed, all.Count - 1);
            long pages = handed.Bytes >> PageSize.BaseShift;
            _options.Keep?.Before(handed);
            _source!.Add(handed.FileOffset, pages);
            GuestRegion? region = null;
            UffdIoctls ioctls;
            try
            {
                region = await _vm.AdoptMemoryAsync(plan.Memory(), cancel);
                ioctls = await RegisterAsync(_uffd!, region, handed, plan.Modes, cancel);
            }
            catch when (region is null)
            {
                _source.DropLast(pages);
                throw;
            }

            _tracksWrites |= (plan.Modes & RegisterModes.WriteProtect) != 0;
            _handOver.Add(handed, ioctls);
            // From here on a successor knows of it; the VMM is answered behind this.
            _options.Keep?.After(_handOver);
        }
        finally
        {
            _ = _adding.Release();
        }
    }

    private async Task FillAsync(CancellationToken cancel)
    {
        List<BackgroundPush> pushes = [];
        try
        {
            foreach (GuestRegion region in _vm.Regions) pushes.Add(await _uffd!.PushAsync(region, _source!, cancel));
            foreach (BackgroundPush push in pushes) await push.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            foreach (BackgroundPush push in pushes) await push.StopAsync(CancellationToken.None);
            throw;
        }
    }

    private async Task TellAsync()
    {
        await foreach (Incident incident in _vm.Incidents.ReadAllAsync())
        {
            if (_fate.NoteOf(incident) is { } note) _options.Observer?.Invoke(note);
        }
    }

    private async Task WaitForEndAsync(ProcessWatch watch)
    {
        // Without the watch the VMM's end would not be noticed, so the guest is left then, too.
        _ = await Task.WhenAny(watch.EndOfAsync(_handOver.Peer, _left.Token), _fate.MemoryGone);
        if (!_left.IsCancellationRequested) await _closing.Value;
    }

    private async Task CloseAsync()
    {
        await _left.CancelAsync();
        if (!_fate.IsReleased) Volatile.Write(ref _counts, _uffd!.Counts());
        try
        {
            await _vm.DisposeAsync();
            await _notes;
        }
        finally
        {
            _duration = TimeProvider.System.GetElapsedTime(_handedOver);
            _workingSet?.Dispose();
            SessionEnd end = _fate.IsReleased ? SessionEnd.Released
                : _fate.HasKilled ? SessionEnd.VmmKilled : _fate.IsVmmGone ? SessionEnd.VmmEnded : SessionEnd.LeftFrozen;
            _content.Dispose();
            _handOver.Dispose();
            _left.Dispose();
            _ = _ended.TrySetResult(end);
            Interlocked.Exchange(ref _again, null)?.Dispose();
        }
    }
}
