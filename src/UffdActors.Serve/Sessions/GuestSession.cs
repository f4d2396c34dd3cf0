using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;
using UffdActors.Serve.Content;
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
    private readonly SessionMemory _memory;
    private readonly SessionOptions _options;
    private readonly SessionFate _fate;
    private readonly CancellationTokenSource _left = new();
    private readonly TaskCompletionSource<SessionEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _handedOver;
    private readonly Lazy<Task> _closing;
    private SessionWorkingSet? _workingSet;
    private TimeSpan _setUp;
    private TimeSpan? _duration;
    private FaultCounts? _counts;
    private SessionFigures? _last;
    private long? _inode;
    private HandOver? _again;
    private int _isReleasing;
    private Task _notes = Task.CompletedTask;
    private Task _watched = Task.CompletedTask;

    private GuestSession(UffdVm vm, HandOver handOver, IContent content, SessionOptions options, SessionFate fate, long handedOver)
    {
        _vm = vm;
        _handOver = handOver;
        _content = content;
        _memory = new SessionMemory(vm, handOver, content, options);
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
    internal Userfault Userfault => _memory.Userfault;

    /// <summary>The figures of now; when it has ended, of its end.</summary>
    public SessionFigures Figures()
    {
        if (Volatile.Read(ref _last) is { } last) return last;
        FaultCounts counts = Volatile.Read(ref _counts) ?? _memory.Userfault.Counts();
        long received = 0;
        (TimeSpan mean, TimeSpan longest) = _memory.Source.Reads.Times();
        foreach (GuestRegion region in _vm.Regions) received += _memory.Userfault.ReceivedOf(region).Count;
        return new SessionFigures
        {
            Faults = counts.Faults,
            Repeats = counts.Repeated,
            ContentPages = counts.DemandPages,
            ZeroPages = counts.DemandZeroPages,
            Events = counts.Events,
            BytesRead = _memory.Source.Reads.Bytes,
            ReadMean = mean,
            ReadLongest = longest,
            AbsentPages = _memory.Source.Pages - received,
            FaultsInFlight = _memory.Userfault.Outstanding,
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
            content = SessionContent.Open(options);
            SessionContent.ThrowIfShort(handOver.Message, content, options.MemoryPath);
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
        foreach (HandedRegion added in handOver.Message.Regions.Except(Message.Regions).ToArray()) await _memory.AddAsync(added, cancel);
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
    /// Fills all pages of the guest, ends the registration of its memory, and closes the userfaultfd: from then on the guest runs without
    /// this process, and the kernel fills what it gives back. Faults are served meanwhile, before all else. The session has ended then
    /// (<see cref="SessionEnd.Released"/>).
    /// </summary>
    /// <param name="cancellationToken">Stops the filling: the guest is served on as before, and has what came until then.</param>
    /// <exception cref="ServeException">It cannot be released; the message says why. It is served on.</exception>
    /// <exception cref="UffdException">The kernel refuses, or the VMM has ended.</exception>
    /// <exception cref="VmFailedException">The session has ended.</exception>
    public async Task ReleaseAsync(CancellationToken cancellationToken = default)
    {
        if (_memory.TracksWrites)
            throw new ServeException(
                $"The guest of process {ProcessId} tracks its writes by this registration, and would lose them; it is served on.");
        if (Interlocked.Exchange(ref _isReleasing, 1) != 0)
            throw new ServeException($"The guest of process {ProcessId} is being drained already.");
        try
        {
            await _memory.FillAsync(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            SessionFigures figures = Figures();
            // Region after region: all pages of all are there, or were given back.
            foreach (GuestRegion region in _vm.Regions) await _memory.Userfault.UnregisterAsync(region, CancellationToken.None);
            Volatile.Write(ref _last, figures with { Duration = TimeProvider.System.GetElapsedTime(_handedOver) });
            _fate.IsReleased = true;
            await _memory.Userfault.CloseAsync(CancellationToken.None);
        }
        catch (InvalidOperationException e)
        {
            // A page has become absent again since it was filled, or threads sleep whose faults were read elsewhere.
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

    private async Task ServeAsync(ProcessWatch watch, CancellationToken cancel)
    {
        _fate.KeepsCopy = _handOver.Peer.HasCopyOf(_handOver.Userfaultfd.Number);
        _inode = _handOver.Userfaultfd.Inode;
        IReadOnlyList<(GuestRegion Region, long FileOffset)> filledAhead = await _memory.AdoptAsync(cancel);
        // The guest of a session that is taken back has begun to run long ago.
        if (_options.WorkingSet is { } set && !IsTakenBack) _workingSet = new SessionWorkingSet(set, _content, _options.Observer);
        await _memory.ServeAsync(_workingSet?.Touched, cancel);
        await _handOver.AcknowledgeAsync(cancel);
        _handOver.Userfaultfd.Dispose();
        if (_workingSet is { } workingSet) await workingSet.BeginAsync(_memory.Userfault, _memory.Source, filledAhead);
        _setUp = TimeProvider.System.GetElapsedTime(_handedOver);
        _notes = TellAsync();
        _watched = watch.EndOfAsync(_handOver.Peer, _left.Token);
        _ = WaitForEndAsync();
        if (Message.WantsAnswer && _handOver.Socket is not null) _ = TakeRegionsAsync(_handOver);
    }

    private async Task TakeRegionsAsync(HandOver connection) =>
        await AddedRegions.TakeAsync(connection, _memory, _fate, _options, _left.Token);

    private async Task TellAsync()
    {
        await foreach (Incident incident in _vm.Incidents.ReadAllAsync())
        {
            if (_fate.NoteOf(incident) is { } note) _options.Observer?.Invoke(note);
        }
    }

    private async Task WaitForEndAsync()
    {
        // Without the watch the VMM's end would not be noticed, so the guest is left then, too.
        _ = await Task.WhenAny(_watched, _fate.MemoryGone);
        if (!_left.IsCancellationRequested) await _closing.Value;
    }

    private async Task CloseAsync()
    {
        await _left.CancelAsync();
        try
        {
            await _vm.DisposeAsync();
            // Only now: the VMM may have ended before the fill that its last thread went on by was counted.
            if (!_fate.IsReleased) Volatile.Write(ref _counts, _memory.Userfault.Counts());
            await _notes;
        }
        finally
        {
            _duration = TimeProvider.System.GetElapsedTime(_handedOver);
            _workingSet?.Dispose();
            SessionEnd end = _fate.IsReleased ? SessionEnd.Released
                : _fate.HasKilled ? SessionEnd.VmmKilled : _fate.IsVmmGone ? SessionEnd.VmmEnded : SessionEnd.LeftFrozen;
            _content.Dispose();
            // It holds the process's descriptor until then: who is told of the end finds nothing of the session open.
            await _watched.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _handOver.Dispose();
            _left.Dispose();
            _ = _ended.TrySetResult(end);
            Interlocked.Exchange(ref _again, null)?.Dispose();
        }
    }
}
