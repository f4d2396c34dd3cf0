using System.Diagnostics;
using System.Threading.Channels;
using UffdActors.Model.Backends;
using UffdActors.PostCopy.Migration;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy;

/// <summary>
/// Takes a running guest over from another process (<see cref="MigrationSource"/>): it runs here from the moment its state is loaded,
/// faults are resolved over the urgent lane, and the rest comes over the background lanes. A lost link is a pause: the guest runs on with
/// the pages that are here, and faults on other pages wait for the next link.
/// </summary>
/// <remarks>
/// The commands may be called from any thread while <see cref="RunAsync"/> runs. A guest whose pages have all arrived keeps running after
/// it returns, on <see cref="Vm"/>, until this is disposed.
/// </remarks>
public sealed class MigrationDestination : IAsyncDisposable
{
    private readonly UffdRuntime _runtime;
    private readonly IDestinationGuest _guest;
    private readonly MigrationDestinationOptions _options;
    private readonly DestinationMachine _machine = new();
    private readonly UInt128 _identity = Identity.New();
    private readonly Channel<DestinationInput> _inputs = Channel.CreateUnbounded<DestinationInput>(new() { SingleReader = true });
    private readonly CancellationTokenSource _ended = new();
    private readonly List<BackgroundPush> _pushes = [];
    private long? _rate;
    private bool _isPaused;
    private Task _followed = Task.CompletedTask;
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _linkGate = new();
    private volatile DestinationMemory? _memory;
    private volatile Link? _link;
    private UInt128? _migration;
    private Exception? _failure;
    private volatile string _ending = "";
    private string _why = "";
    private ReadOnlyMemory<byte> _endState;
    private byte[]? _hash;
    private byte[]? _expectedHash;
    private long _missing;
    private int _lostLinks;
    private long _bytesOfOldLinks;
    private long _loadAt;
    private long _ranAt;
    private long _ranByVm;
    private long _deliveredAt;
    private long _endedAt;

    /// <summary>Makes it.</summary>
    /// <param name="runtime">Runtime; not one on the stepped dispatcher, which has no sockets.</param>
    /// <param name="guest">The guest that arrives.</param>
    /// <param name="options">How it arrives.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="NotSupportedException">The runtime is stepped.</exception>
    public MigrationDestination(UffdRuntime runtime, IDestinationGuest guest, MigrationDestinationOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Handlers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Handlers, PostCopyMigration.MaxHandlers);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.PeerTimeout, TimeSpan.Zero);
        if (runtime.Settings.IsStepped)
            throw new NotSupportedException("A migration between processes needs real time; use another dispatcher.");
        _runtime = runtime;
        _guest = guest;
        _options = options;
    }

    /// <summary>Where it is.</summary>
    public DestinationPhase Phase => _machine.Phase;

    /// <summary>True while there is a link to the source.</summary>
    public bool IsLinked => _link is not null;

    /// <summary>Where it listens, once it does.</summary>
    public Task<string> Listening => _listening.Task;

    /// <summary>The guest's machine; null before a source has offered a guest.</summary>
    public UffdVm? Vm => _memory?.Vm;

    /// <summary>What serves its memory, for those who look on; null before.</summary>
    internal Userfault? Userfault => _memory?.Userfault;

    /// <summary>When the guest began to run here, by the clock of its machine; null before.</summary>
    internal long? GuestStart => Volatile.Read(ref _ranByVm) is > 0 and var start ? start : null;

    /// <summary>What brings its memory in the background, as far as it has begun.</summary>
    internal IReadOnlyList<BackgroundPush> Pushes
    {
        get
        {
            lock (_pushes) return [.. _pushes];
        }
    }

    /// <summary>Base pages that are there.</summary>
    public long ReceivedPages => _memory is { } memory ? memory.Vm.Regions.Sum(r => memory.Userfault.ReceivedOf(r).Count) : 0;

    /// <summary>Base pages of the guest; 0 before it is known.</summary>
    public long Pages => _memory?.Offer.Regions.Sum() ?? 0;

    /// <summary>Faults that wait.</summary>
    public int Outstanding => _memory?.Userfault.Outstanding ?? 0;

    /// <summary>
    /// Bytes a second of the background, at most; 0 for as fast as it goes. Set before the guest runs here, it applies from then on. Demand
    /// is never throttled.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative.</exception>
    public long BytesPerSecond
    {
        get
        {
            lock (_pushes) return _rate ?? (_pushes.Count > 0 ? _pushes[0].BytesPerSecond : 0);
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            lock (_pushes)
            {
                _rate = value;
                foreach (BackgroundPush push in _pushes) push.BytesPerSecond = value;
            }
        }
    }

    /// <summary>Pauses the background until <see cref="Resume"/>; demand continues. Set before the guest runs here, it applies from then
    /// on.</summary>
    public void Pause()
    {
        lock (_pushes)
        {
            _isPaused = true;
            foreach (BackgroundPush push in _pushes) push.Pause();
        }
    }

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume()
    {
        lock (_pushes)
        {
            _isPaused = false;
            foreach (BackgroundPush push in _pushes) push.Resume();
        }
    }

    /// <summary>Gives the migration up.</summary>
    /// <param name="withLoss">Also if the guest runs here already and needs pages of the source: it is lost then.</param>
    /// <returns>True if it has been given up; false if the guest would be lost.</returns>
    public Task<bool> AbandonAsync(bool withLoss = false)
    {
        TaskCompletionSource<bool> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        DestinationEvent command = withLoss ? DestinationEvent.AbandonWithLoss : DestinationEvent.Abandon;
        if (!_inputs.Writer.TryWrite(new DestinationInput(command, Done: done))) done.SetResult(false);
        return done.Task;
    }

    /// <summary>
    /// Listens, takes one guest over, and ends when the source is not needed any more: every page is here, and if the source asked for the
    /// comparison, the guest has ended and the verdict is known. Once; a guest whose pages have not all arrived is gone when it ends.
    /// </summary>
    /// <exception cref="MigrationException">It cannot listen there.</exception>
    /// <exception cref="VmFailedException">The guest's machine failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a guest that ran here is gone.</exception>
    public async Task<MigrationDestinationReport> RunAsync(CancellationToken cancel = default)
    {
        using MigrationListener listener = new(_options.Address, _options.Tls, Take, Tell);
        _ = _listening.TrySetResult(listener.Where);
        bool keeps = false;
        try
        {
            await foreach (DestinationInput input in _inputs.Reader.ReadAllAsync(cancel))
            {
                if (_failure is not null) throw _failure;
                if (input.IsOfPeer) input.Link!.ControlTaken();
                if (!await BeginAsync(input)) continue;
                IReadOnlyList<DestinationAct> acts = [.. _machine.Step(input.Happened, input.Epoch)];
                bool isFollowed = !acts.Contains(DestinationAct.RefuseCommand);
                foreach (DestinationAct act in acts) await DoAsync(act, input, cancel);
                _ = input.Done?.TrySetResult(isFollowed);
                if (_machine.Phase == DestinationPhase.Ended) break;
            }

            // If a source that asked for the comparison is given up, the hash of the memory at the end is still reported.
            if (_machine.IsDelivered) await _followed.WaitAsync(cancel);
            if (_failure is not null) throw _failure;
            MigrationDestinationReport report = await ReportAsync();
            keeps = _machine.IsDelivered;
            return report;
        }
        finally
        {
            await _ended.CancelAsync();
            _inputs.Writer.Complete();
            await CloseLinkAsync();
            while (_inputs.Reader.TryRead(out DestinationInput left))
            {
                if (left.Happened == DestinationEvent.LinkUp) left.Link!.Dispose();
                _ = left.Done?.TrySetResult(false);
            }

            if (!keeps) await DropMemoryAsync();
        }
    }

    /// <summary>Ends the guest's machine, and a guest that still runs on it.</summary>
    public async ValueTask DisposeAsync() => await DropMemoryAsync();

    // A connection that begins as a source's; on a thread of its own.
    private void Take(Lane lane, Hello hello, ulong epoch)
    {
        if (hello.Lane > 0)
        {
            Link? link = _link;
            if (link is null || hello.Migration != _migration || hello.Link != link.Number || !link.TryAdd(lane))
            {
                Handshake.Reject(lane, "the lane belongs to no open link");
                return;
            }

            Handshake.Welcome(lane, 0, _identity);
            link.Read(lane, l => ReadLane(link, l));
            if (link.IsWhole) Whole(link);
            return;
        }

        Link fresh = new(hello.Link, hello.Channels, _options.PeerTimeout, _options.Placement, (lost, why) =>
        {
            if (why is IOException or WireException) Post(new DestinationInput(DestinationEvent.LinkDown, Link: lost, Text: why.Message));
            else Fail(why);
        });
        _ = fresh.TryAdd(lane);
        Post(new DestinationInput(DestinationEvent.LinkUp, epoch, fresh, Body: Of(hello.Migration)));
    }

    private static byte[] Of(UInt128 migration)
    {
        byte[] bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128LittleEndian(bytes, migration);
        return bytes;
    }

    // The source sends nothing before every lane is there; from here on pages may be asked for.
    private void Whole(Link link)
    {
        link.Watch();
        lock (_linkGate)
        {
            // A link that has been replaced meanwhile must not be used again.
            if (_machine.HasGuest && _link == link) _memory!.Source.Use(link);
        }
    }

    private void ReadLane(Link link, Lane lane)
    {
        byte[] runs = new byte[WireLimits.PagesAFrame * FrameHeader.RunBytes];
        if (lane.Number == 0 && _machine.HasGuest) LendToGuest(lane);
        while (true)
        {
            FrameHeader header = lane.ReadHeader();
            switch (header.Kind)
            {
                case MessageKind.Ping:
                    break;
                case MessageKind.Answer when _memory is { } memory:
                    memory.Source.Take(lane, header, runs);
                    break;
                case MessageKind.Lost when _memory is { } memory:
                    memory.Source.TakeLoss(lane, header, lane.ReadText(header));
                    break;
                case MessageKind.Content when lane.Number > 0 && _memory is { } memory && !_machine.HasGuest:
                    memory.Copied.Take(lane, header, link.Channels, runs);
                    break;
                case MessageKind.ContentEnd when lane.Number > 0:
                    link.EndContent(lane.Number, header.Id);
                    break;
                case MessageKind.Discard when lane.Number == 0 && _memory is { } memory && !_machine.HasGuest:
                    memory.Copied.Discard(header, lane.ReadBody(header));
                    break;
                case MessageKind.HandOver when lane.Number == 0:
                    TakeHandOver(link, lane, header);
                    LendToGuest(lane);
                    break;
                default:
                    if (lane.Number != 0 || EventOf(header.Kind) is not { } happened)
                        throw new WireException($"a frame of kind {header.Kind} on lane {lane.Number}");
                    bool isText = header.Kind is MessageKind.Abandon or MessageKind.Rejected;
                    byte[] body = isText ? [] : lane.ReadBody(header);
                    PostAndWait(
                        link, new DestinationInput(happened, header.Id, link, body, isText ? lane.ReadText(header) : null));
                    break;
            }
        }
    }

    // From here on the lane carries answers, until every page has arrived.
    private void LendToGuest(Lane lane)
    {
        if (_memory is { } memory) new PolledAnswers(lane, memory.Source).Wait(memory.Vm);
    }

    private void TakeHandOver(Link link, Lane lane, in FrameHeader header)
    {
        _loadAt = Stopwatch.GetTimestamp();
        byte[] state = lane.ReadBody(header);
        // The copied content is complete when every background lane has sent ContentEnd.
        link.WaitForContent(header.Id);
        PostAndWait(link, new DestinationInput(DestinationEvent.HandOver, header.Id, link, state));
    }

    private static DestinationEvent? EventOf(MessageKind kind) => kind switch
    {
        MessageKind.Offer => DestinationEvent.Offer,
        MessageKind.Verdict or MessageKind.Bye => DestinationEvent.Verdict,
        MessageKind.Abandon or MessageKind.Rejected => DestinationEvent.Abandoned,
        _ => null,
    };

    /// <summary>Notes what comes with an event.</summary>
    /// <returns>False for an event of a link that is over, or none of this migration.</returns>
    private async Task<bool> BeginAsync(DestinationInput input)
    {
        switch (input.Happened)
        {
            case DestinationEvent.LinkUp:
                return await BeginLinkAsync(input);
            case DestinationEvent.LinkDown:
                if (input.Link != _link) return false;
                _lostLinks++;
                await CloseLinkAsync();
                Tell($"the link is lost: {input.Text}; {WhatRuns()}");
                return true;
            case DestinationEvent.Verdict:
                if (input.Body.Length == Sha256.Size) _expectedHash = input.Body.ToArray();
                break;
            case DestinationEvent.Abandoned:
                if (_ending.Length == 0) _ending = $"the source has given the migration up: {input.Text}";
                break;
        }

        return input.Link is null || input.Link == _link;
    }

    private async Task<bool> BeginLinkAsync(DestinationInput input)
    {
        UInt128 migration = System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(input.Body.Span);
        Link link = input.Link!;
        if (_migration is { } ours && ours != migration)
        {
            Handshake.Reject(link.Urgent, "another guest is being taken over here");
            link.Dispose();
            return false;
        }

        _migration = migration;
        if (_link is not null)
        {
            // The source has noticed the loss first.
            _lostLinks++;
            await CloseLinkAsync();
            foreach (DestinationAct act in _machine.Step(DestinationEvent.LinkDown).ToArray())
                await DoAsync(act, input, CancellationToken.None);
        }

        _link = link;
        return true;
    }

    private async Task DoAsync(DestinationAct act, DestinationInput input, CancellationToken cancel)
    {
        Link? link = _link;
        using Activity? phase = MigrationActivities.Begin(act.ToString());
        try
        {
            switch (act)
            {
                case DestinationAct.SendWelcome:
                    Handshake.Welcome(link!.Urgent, _machine.HasGuest ? _machine.Epoch : 0, _identity);
                    link.Read(link.Urgent, lane => ReadLane(link, lane));
                    Tell("a source has connected");
                    break;
                case DestinationAct.RejectLink:
                    Handshake.Reject(link!.Urgent, "the guest that runs here was not handed over by this source");
                    await CloseLinkAsync();
                    break;
                case DestinationAct.Prepare:
                    await PrepareAsync(Offer.Read(input.Body.Span), cancel);
                    break;
                case DestinationAct.SendOfferTaken:
                    link?.Urgent.Send(new FrameHeader { Kind = MessageKind.OfferTaken });
                    break;
                case DestinationAct.SendRejected:
                    link?.Urgent.SendText(new FrameHeader { Kind = MessageKind.Rejected }, _why);
                    break;
                case DestinationAct.DropMemory:
                    await DropMemoryAsync();
                    break;
                case DestinationAct.Load:
                    await LoadAsync(input, cancel);
                    break;
                case DestinationAct.SendAccepted:
                    link?.Urgent.Send(new FrameHeader { Kind = MessageKind.Accepted, Id = _machine.Epoch });
                    break;
                case DestinationAct.Run:
                    await RunGuestAsync(cancel);
                    break;
                case DestinationAct.SendRefused:
                    link?.Urgent.SendText(new FrameHeader { Kind = MessageKind.Refused, Id = input.Epoch }, _why);
                    break;
                case DestinationAct.SendComplete:
                    link?.Urgent.Send(new FrameHeader { Kind = MessageKind.Complete, Id = _machine.Epoch });
                    break;
                case DestinationAct.SendFinished:
                    link?.Urgent.Send(
                        new FrameHeader { Kind = MessageKind.Finished, Id = _machine.Epoch }, [.. _hash!, .. _endState.Span]);
                    break;
                case DestinationAct.SendBye:
                    link?.Urgent.Send(new FrameHeader { Kind = MessageKind.Bye });
                    break;
                case DestinationAct.SendAbandon:
                    link?.Urgent.SendText(
                        new FrameHeader { Kind = MessageKind.Abandon, Id = _machine.Epoch }, "its operator has said so");
                    _ending = "the migration was given up here";
                    break;
            }
        }
        catch (IOException)
        {
            // The lane has ended; its reading thread reports it.
        }
        catch (WireException e)
        {
            link?.Lose(e);
        }
    }

    private async Task PrepareAsync(Offer offer, CancellationToken cancel)
    {
        try
        {
            _memory = await DestinationMemory.MakeAsync(_runtime, _options, offer, cancel);
            await _guest.PrepareAsync(_memory.Vm, cancel);
            Post(new DestinationInput(DestinationEvent.Prepared));
        }
        catch (Exception e) when (e is MigrationException or UffdException or ModuleException or PlatformNotSupportedException
            or InsufficientMemoryException)
        {
            _why = e.Message;
            _ending = $"memory for the guest cannot be made: {e.Message}";
            Post(new DestinationInput(DestinationEvent.PrepareFailed));
        }
    }

    private async Task LoadAsync(DestinationInput input, CancellationToken cancel)
    {
        try
        {
            _memory!.Source.Use(_link);
            await _guest.LoadAsync(_memory.Vm, input.Body, cancel);
            Post(new DestinationInput(DestinationEvent.Loaded, input.Epoch));
        }
        catch (MigrationException e)
        {
            _why = e.Message;
            _ending = e.Message;
            Post(new DestinationInput(DestinationEvent.LoadFailed, input.Epoch));
        }
    }

    private async Task RunGuestAsync(CancellationToken cancel)
    {
        // Before its first access: no fault is older.
        Volatile.Write(ref _ranByVm, _memory!.Vm.Now);
        await _guest.StartAsync(cancel);
        _ranAt = Stopwatch.GetTimestamp();
        Tell("the guest runs here");
        foreach (GuestRegion region in _memory!.Vm.Regions)
        {
            BackgroundPush push = await _memory.Userfault.PushAsync(region, _memory.Source, _options.Prefetch(), cancel);
            lock (_pushes)
            {
                _pushes.Add(push);
                if (_rate is { } rate) push.BytesPerSecond = rate;
                if (_isPaused) push.Pause();
            }
        }

        _ = FollowPushAsync(cancel);
        Task following = FollowGuestAsync(cancel);
        if (_memory.Offer.WantsVerdict) _followed = following;
    }

    private async Task FollowPushAsync(CancellationToken cancel)
    {
        try
        {
            foreach (BackgroundPush push in _pushes) await push.WaitAsync(cancel);
            _deliveredAt = Stopwatch.GetTimestamp();
            Tell("every page is here");
            Post(new DestinationInput(DestinationEvent.AllInstalled));
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private async Task FollowGuestAsync(CancellationToken cancel)
    {
        try
        {
            _endState = await _guest.EndAsync(cancel);
            _endedAt = Stopwatch.GetTimestamp();
            if (!_memory!.Offer.WantsVerdict) return;
            // Every page must be there before the memory is hashed.
            foreach (BackgroundPush push in _pushes) await push.WaitAsync(cancel);
            (_hash, _missing) = await _memory.HashAsync(cancel);
            Post(new DestinationInput(DestinationEvent.GuestEnded));
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private async Task DropMemoryAsync()
    {
        if (_memory is not { } memory) return;
        _memory = null;
        await memory.DisposeAsync();
    }

    private async Task CloseLinkAsync(bool isEnd = false)
    {
        if (_link is not { } link) return;
        lock (_linkGate)
        {
            _link = null;
            _memory?.Source.Use(null);
        }

        await Task.Run(isEnd ? link.Finish : link.Dispose);
        _bytesOfOldLinks += link.BytesIn;
    }

    private void Fail(Exception why)
    {
        _failure = why;
        Post(new DestinationInput(DestinationEvent.LinkDown));
    }

    private void Post(DestinationInput input)
    {
        if (!_inputs.Writer.TryWrite(input) && input.Happened == DestinationEvent.LinkUp) input.Link!.Dispose();
    }

    // The peer's next frame is read when this one has been handled, so that queued frames stay in the socket buffer and use no memory here.
    private void PostAndWait(Link link, DestinationInput input)
    {
        Post(input with { IsOfPeer = true });
        link.WaitForControl();
    }

    private void Tell(string what) => _options.Tell?.Invoke(what);

    private string WhatRuns() => _machine.Phase switch
    {
        DestinationPhase.Running => "the guest runs on with the pages that are here, and waits for the others until the source connects "
            + "again",
        DestinationPhase.Complete => "every page is here",
        _ => "no guest runs here",
    };

    private async Task<MigrationDestinationReport> ReportAsync()
    {
        DestinationMemory? memory = _memory;
        await CloseLinkAsync(isEnd: true);
        int pageBytes = memory?.Vm.Regions[0].PageBytes ?? 0;
        return new MigrationDestinationReport
        {
            HasGuest = _ranAt != 0,
            IsDelivered = _machine.IsDelivered,
            Ending = _ending,
            Place = memory?.Vm.Place,
            PageBytes = pageBytes,
            Pages = memory is null ? 0 : memory.Vm.Regions.Sum(r => (long)r.Bytes) / pageBytes,
            CopiedPages = memory?.Copied.Copied ?? 0,
            LoadTime = Between(_loadAt, _ranAt),
            PageTime = Between(_ranAt, _deliveredAt),
            GuestTime = Between(_ranAt, _endedAt),
            Bytes = _bytesOfOldLinks,
            Demands = memory?.Source.Demands ?? 0,
            PolledAnswers = memory?.Source.PolledAnswers ?? 0,
            Faults = _ranAt == 0 ? null : memory!.Userfault.Counts(),
            PushedPages = _pushes.Sum(p => p.Pages),
            PushedZeroPages = _pushes.Sum(p => p.ZeroPages),
            Latency = _guest is WorkloadGuest { Vcpus: { } vcpus } ? LatencySummary.Of(vcpus) : null,
            LostLinks = _lostLinks,
            Hash = _hash is null ? null : Convert.ToHexStringLower(_hash),
            ExpectedHash = _expectedHash is null ? null : Convert.ToHexStringLower(_expectedHash),
            MissingPages = _missing,
            WorkingSet = _options.RecordWorkingSet && memory is not null ? memory.Userfault.WorkingSetOf(memory.Vm.Regions[0]) : null,
        };
    }

    private static TimeSpan Between(long from, long to) => from == 0 || to == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(from, to);
}
