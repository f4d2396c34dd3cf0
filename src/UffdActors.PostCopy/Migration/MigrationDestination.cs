using System.Diagnostics;
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
    private readonly MigrationInbox<DestinationInput> _inbox = new(new DestinationInput(DestinationEvent.LinkDown));
    private readonly DestinationLinks _links;
    private readonly DestinationPushes _pushes = new();
    private Task _followed = Task.CompletedTask;
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _ending = "";
    private IReadOnlyList<PrefetchOptions> _prefetch = [];
    private string _why = "";
    private string? _flaw;
    private ReadOnlyMemory<byte> _endState;
    private byte[]? _hash;
    private byte[]? _expectedHash;
    private long _missing;
    private int _lostLinks;
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
        _links = new DestinationLinks(options, _machine, Identity.New(), _inbox);
    }

    /// <summary>Where it is.</summary>
    public DestinationPhase Phase => _machine.Phase;

    /// <summary>True while there is a link to the source.</summary>
    public bool IsLinked => _links.Current is not null;

    /// <summary>Where it listens, once it does.</summary>
    public Task<string> Listening => _listening.Task;

    /// <summary>The guest's machine; null before a source has offered a guest.</summary>
    public UffdVm? Vm => Memory?.Vm;

    /// <summary>What serves its memory, for those who look on; null before.</summary>
    internal Userfault? Userfault => Memory?.Userfault;

    /// <summary>When the guest began to run here, by the clock of its machine; null before.</summary>
    internal long? GuestStart => Volatile.Read(ref _ranByVm) is > 0 and var start ? start : null;

    /// <summary>What brings its memory in the background, as far as it has begun.</summary>
    internal IReadOnlyList<BackgroundPush> Pushes => _pushes.All;

    /// <summary>Base pages that are there.</summary>
    public long ReceivedPages => Memory is { } memory ? memory.Vm.Regions.Sum(r => memory.Userfault.ReceivedOf(r).Count) : 0;

    /// <summary>Base pages of the guest; 0 before it is known.</summary>
    public long Pages => Memory?.Offer.Regions.Sum() ?? 0;

    /// <summary>Faults that wait.</summary>
    public int Outstanding => Memory?.Userfault.Outstanding ?? 0;

    /// <summary>
    /// Bytes a second of the background, at most; 0 for as fast as it goes. Set before the guest runs here, it applies from then on. Demand
    /// is never throttled.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative.</exception>
    public long BytesPerSecond
    {
        get => _pushes.BytesPerSecond;
        set => _pushes.BytesPerSecond = value;
    }

    /// <summary>Pauses the background until <see cref="Resume"/>; demand continues. Set before the guest runs here, it applies from then
    /// on.</summary>
    public void Pause() => _pushes.Pause();

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume() => _pushes.Resume();

    /// <summary>Gives the migration up.</summary>
    /// <param name="withLoss">Also if the guest runs here already and needs pages of the source: it is lost then.</param>
    /// <returns>True if it has been given up; false if the guest would be lost.</returns>
    public Task<bool> AbandonAsync(bool withLoss = false)
    {
        DestinationEvent command = withLoss ? DestinationEvent.AbandonWithLoss : DestinationEvent.Abandon;
        return _inbox.CommandAsync(done => new DestinationInput(command, Done: done));
    }

    /// <summary>
    /// Listens, takes one guest over, and ends when the source is not needed any more: every page is here, and if the source asked for the
    /// comparison, the guest has ended and the verdict is known. Once; a guest whose pages have not all arrived is gone when it ends.
    /// </summary>
    /// <exception cref="MigrationException">It cannot listen there.</exception>
    /// <exception cref="VmFailedException">The guest's machine failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a guest that ran here is gone.</exception>
    public async Task<MigrationDestinationReport> RunAsync(CancellationToken cancellationToken = default)
    {
        using MigrationListener listener = new(_options.Address, _options.Tls, _links.Take, Tell);
        _ = _listening.TrySetResult(listener.Where);
        bool keeps = false;
        try
        {
            await foreach (DestinationInput input in _inbox.ReadAllAsync(cancellationToken))
            {
                if (!await BeginAsync(input)) continue;
                IReadOnlyList<DestinationAct> acts = [.. _machine.Step(input.Happened, input.Epoch)];
                bool isFollowed = !acts.Contains(DestinationAct.RefuseCommand);
                foreach (DestinationAct act in acts) await DoAsync(act, input, cancellationToken);
                _ = input.Done?.TrySetResult(isFollowed);
                if (_machine.Phase == DestinationPhase.Ended) break;
            }

            // If a source that asked for the comparison is given up, the hash of the memory at the end is still reported.
            if (_machine.IsDelivered) await _followed.WaitAsync(cancellationToken);
            if (_inbox.Failure is { } failure) throw failure;
            MigrationDestinationReport report = await ReportAsync();
            keeps = _machine.IsDelivered;
            return report;
        }
        finally
        {
            _inbox.Close();
            await _links.CloseAsync();
            _inbox.Drop();
            if (!keeps) await DropMemoryAsync();
        }
    }

    /// <summary>Ends the guest's machine, and a guest that still runs on it.</summary>
    public async ValueTask DisposeAsync() => await DropMemoryAsync();

    /// <summary>Notes what comes with an event.</summary>
    /// <returns>False for an event of a link that is over, or none of this migration.</returns>
    private async Task<bool> BeginAsync(DestinationInput input)
    {
        switch (input.Happened)
        {
            case DestinationEvent.LinkUp:
                return await BeginLinkAsync(input);
            case DestinationEvent.LinkDown:
                if (input.Link != _links.Current) return false;
                _lostLinks++;
                await _links.CloseAsync();
                Tell($"the link is lost: {input.Text}; {WhatRuns()}");
                return true;
            case DestinationEvent.Verdict:
                if (input.Body.Length == Sha256.Size) _expectedHash = input.Body.ToArray();
                break;
            case DestinationEvent.GuestFailed:
                _flaw = _ending = input.Text!;
                break;
            case DestinationEvent.Abandoned:
                if (_ending.Length == 0) _ending = $"the source has given the migration up: {input.Text}";
                break;
        }

        return input.Link is null || input.Link == _links.Current;
    }

    private async Task<bool> BeginLinkAsync(DestinationInput input)
    {
        Link link = input.Link!;
        if (!_links.IsOfThisMigration(input))
        {
            Handshake.Reject(link.Urgent, "another guest is being taken over here");
            link.Dispose();
            return false;
        }

        if (_links.Current is not null)
        {
            // The source has noticed the loss first.
            _lostLinks++;
            await _links.CloseAsync();
            foreach (DestinationAct act in _machine.Step(DestinationEvent.LinkDown).ToArray())
                await DoAsync(act, input, CancellationToken.None);
        }

        _links.Use(link);
        return true;
    }

    private async Task DoAsync(DestinationAct act, DestinationInput input, CancellationToken cancel)
    {
        Link? link = _links.Current;
        using Activity? phase = MigrationActivities.Begin(act.ToString());
        try
        {
            switch (act)
            {
                case DestinationAct.SendWelcome:
                    _links.Welcome(link!);
                    Tell("a source has connected");
                    break;
                case DestinationAct.RejectLink:
                    Handshake.Reject(link!.Urgent, "the guest that runs here was not handed over by this source");
                    await _links.CloseAsync();
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
                        new FrameHeader { Kind = MessageKind.Abandon, Id = _machine.Epoch }, _flaw ?? "its operator has said so");
                    if (_flaw is null) _ending = "the migration was given up here";
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
            _guest.Expect(offer.Guest);
            DestinationMemory memory = await DestinationMemory.MakeAsync(_runtime, _options, offer, _guest, cancel);
            _links.Memory = memory;
            await _guest.PrepareAsync(memory.Vm, cancel);
            _prefetch = [.. memory.Vm.Regions.Select(_ => _options.Prefetch() with { OnOwnThread = true })];
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
            Memory!.Source.Use(_links.Current);
            await _guest.LoadAsync(Memory.Vm, input.Body, cancel);
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
        Volatile.Write(ref _ranByVm, Memory!.Vm.Now);
        await _guest.StartAsync(cancel);
        _ranAt = Stopwatch.GetTimestamp();
        Tell("the guest runs here");
        foreach ((GuestRegion region, PrefetchOptions prefetch) in Memory!.Vm.Regions.Zip(_prefetch))
            _pushes.Add(await Memory.Userfault.PushAsync(region, Memory.Source, _pushes.Begin(prefetch), cancel));

        _ = FollowPushAsync(cancel);
        Task following = FollowGuestAsync(cancel);
        if (Memory.Offer.WantsVerdict) _followed = following;
    }

    private async Task FollowPushAsync(CancellationToken cancel)
    {
        try
        {
            await _pushes.WaitAsync(cancel);
            _deliveredAt = Stopwatch.GetTimestamp();
            Tell("every page is here");
            Post(new DestinationInput(DestinationEvent.AllInstalled));
        }
        catch (Exception e)
        {
            _inbox.Fail(e);
        }
    }

    private async Task FollowGuestAsync(CancellationToken cancel)
    {
        try
        {
            _endState = await _guest.EndAsync(cancel);
            _endedAt = Stopwatch.GetTimestamp();
            if (!Memory!.Offer.WantsVerdict) return;
            // Every page must be there before the memory is hashed.
            await _pushes.WaitAsync(cancel);
            (_hash, _missing) = await Memory.HashAsync(cancel);
            Post(new DestinationInput(DestinationEvent.GuestEnded));
        }
        catch (MigrationException e)
        {
            Post(new DestinationInput(DestinationEvent.GuestFailed, Text: e.Message));
        }
        catch (Exception e)
        {
            _inbox.Fail(e);
        }
    }

    private async Task DropMemoryAsync()
    {
        if (Memory is not { } memory) return;
        _links.Memory = null;
        await memory.DisposeAsync();
    }

    private void Post(in DestinationInput input) => _inbox.Post(input);

    private DestinationMemory? Memory => _links.Memory;

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
        DestinationMemory? memory = Memory;
        await _links.CloseAsync(isEnd: true);
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
            RanAt = Stopwatch.GetElapsedTime(0, _ranAt),
            LoadTime = Between(_links.HandOverAt, _ranAt),
            PageTime = Between(_ranAt, _deliveredAt),
            GuestTime = Between(_ranAt, _endedAt),
            Bytes = _links.BytesOfOldLinks,
            Demands = memory?.Source.Demands ?? 0,
            DemandTime = memory?.Source.DemandTime ?? TimeSpan.Zero,
            PolledAnswers = memory?.Source.PolledAnswers ?? 0,
            Faults = _ranAt == 0 ? null : memory!.Userfault.Counts(),
            PushedPages = _pushes.All.Sum(p => p.Pages),
            PushedZeroPages = _pushes.All.Sum(p => p.ZeroPages),
            Latency = _guest.Vcpus is { } vcpus ? LatencySummary.Of(vcpus) : null,
            LostLinks = _lostLinks,
            Hash = _hash is null ? null : Convert.ToHexStringLower(_hash),
            ExpectedHash = _expectedHash is null ? null : Convert.ToHexStringLower(_expectedHash),
            MissingPages = _missing,
            WorkingSet = _options.RecordWorkingSet && memory is not null ? memory.Userfault.WorkingSetOf(memory.Vm.Regions[0]) : null,
        };
    }

    private static TimeSpan Between(long from, long to) => from == 0 || to == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(from, to);
}
