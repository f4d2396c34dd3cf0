using System.Diagnostics;
using UffdActors.PostCopy.Migration;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy;

/// <summary>
/// Hands a running guest over to another process (<see cref="MigrationDestination"/>): copies while it runs if that is asked for, stops it,
/// sends its state, and serves its pages until all of them are there. Which side may run the guest is decided by
/// <c>src/UffdActors.PostCopy/WIRE.md</c>: never both, and if neither may, that is reported.
/// </summary>
/// <remarks>
/// The machine's regions must hold the guest's whole memory when it is handed over. <see cref="Switch"/>, <see cref="Recover"/> and the
/// commands may be called from any thread while <see cref="RunAsync"/> runs.
/// </remarks>
public sealed class MigrationSource
{
    private readonly UffdVm _vm;
    private readonly ISourceGuest _guest;
    private readonly MigrationSourceOptions _options;
    private readonly SourceMachine _machine;
    private readonly PreCopy? _preCopy;
    private readonly MigrationInbox<SourceInput> _inbox = new(new SourceInput(SourceEvent.LinkDown));
    private readonly SourceLanes _lanes;
    private readonly SourceConnector _connector;
    private readonly Stopwatch _sinceLink = new();
    private readonly CancellationTokenSource _ended = new();
    private CancellationTokenSource _copying = new();
    private Task _copy = Task.CompletedTask;
    private ReadOnlyMemory<byte> _state;
    private ReadOnlyMemory<byte> _endState;
    private byte[]? _actualHash;
    private byte[]? _expectedHash;
    private volatile Link? _link;
    private volatile string _ending = "";
    private string? _flaw;
    private int _lostLinks;
    private long _bytesOfOldLinks;
    private long _stoppedAt;
    private TimeSpan _downtime;

    /// <summary>Makes it.</summary>
    /// <param name="vm">The machine; all of its regions are handed over.</param>
    /// <param name="userfault">
    /// Finds what the guest writes while it is copied: opened with WP_ASYNC, its regions registered for write protection. Null without
    /// <see cref="MigrationSourceOptions.PreCopy"/>.
    /// </param>
    /// <param name="guest">The guest that runs on the VM.</param>
    /// <param name="options">How it leaves.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or there is nothing to find writes with.</exception>
    public MigrationSource(UffdVm vm, Userfault? userfault, ISourceGuest guest, MigrationSourceOptions options)
    {
        ArgumentNullException.ThrowIfNull(vm);
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Channels, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Channels, MigrationSourceOptions.MaxChannels);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.PeerTimeout, TimeSpan.Zero);
        if (options.PreCopy is not null && userfault is null)
            throw new ArgumentException("A pre-copy needs a userfaultfd that tracks what the guest writes (WP_ASYNC).", nameof(userfault));
        _vm = vm;
        _guest = guest;
        _options = options;
        _machine = new SourceMachine(options.Verifies);
        _lanes = new SourceLanes(vm, options.Channels, _inbox);
        _connector = new SourceConnector(options, _machine, _lanes, _inbox);
        if (options.PreCopy is { } preCopy) _preCopy = new PreCopy(vm, userfault!, preCopy);
    }

    /// <summary>Where it is.</summary>
    public SourcePhase Phase => _machine.Phase;

    /// <summary>True while there is a link to the destination.</summary>
    public bool IsLinked => _link is not null;

    /// <summary>Pages sent after the hand-over.</summary>
    public long SentPages => _lanes.Pages + _lanes.ZeroPages;

    /// <summary>Bytes sent on all lanes.</summary>
    public long SentBytes => Volatile.Read(ref _bytesOfOldLinks) + (_link?.BytesOut ?? 0);

    /// <summary>Rounds of pre-copy that have been begun.</summary>
    public int Rounds => _preCopy?.Rounds ?? 0;

    /// <summary>Bytes a second of the pre-copy, at most; 0 for as fast as it goes. The rate after the hand-over is set at the
    /// destination.</summary>
    public long BytesPerSecond
    {
        get => _preCopy?.BytesPerSecond ?? 0;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            if (_preCopy is not null) _preCopy.BytesPerSecond = value;
        }
    }

    /// <summary>Hands the guest over now, or as soon as there is a destination.</summary>
    public void Switch() => Post(new SourceInput(SourceEvent.Switch));

    /// <summary>Connects again at once after the link was lost.</summary>
    public void Recover() => _connector.TryNow();

    /// <summary>Gives the migration up.</summary>
    /// <param name="withLoss">
    /// Also where the guest is lost by it: it runs at the destination and needs pages of here, or it is not known whether it does.
    /// </param>
    /// <returns>True if it has been given up; false if something would be lost.</returns>
    public Task<bool> AbandonAsync(bool withLoss = false) =>
        CommandAsync(withLoss ? SourceEvent.AbandonWithLoss : SourceEvent.Abandon);

    /// <summary>
    /// Resumes the guest here although it was handed over: the caller asserts that the destination's process is gone and has not run it.
    /// </summary>
    /// <returns>True if it runs here; false if the source is not in doubt, or there is still a link.</returns>
    public Task<bool> ResumeHereAsync() => CommandAsync(SourceEvent.ResumeHere);

    /// <summary>Migrates; ends when the guest is there with all its pages, or stays here.</summary>
    /// <exception cref="MigrationException">There is no destination, or it refuses this guest, which keeps running here.</exception>
    /// <exception cref="OperationCanceledException">
    /// Cancelled. A guest that was handed over is at the destination, without its source.
    /// </exception>
    public async Task<MigrationSourceReport> RunAsync(CancellationToken cancellationToken = default)
    {
        Task connecting = ConnectAsync(isFirst: true);
        try
        {
            await foreach (SourceInput input in _inbox.ReadAllAsync(cancellationToken))
            {
                if (!Begin(input)) continue;
                SourcePhase before = _machine.Phase;
                IReadOnlyList<SourceAct> acts = [.. _machine.Step(input.Happened, input.Epoch, input.Destination)];
                _lanes.Serves = _machine.ServesPages;
                if (before == SourcePhase.InDoubt && _machine.Phase is SourcePhase.Serving or SourcePhase.Complete)
                {
                    // By its answer, or by the Welcome of a later link.
                    _downtime = Stopwatch.GetElapsedTime(_stoppedAt);
                    Tell("the guest runs at the destination");
                }

                bool isFollowed = !acts.Contains(SourceAct.RefuseCommand);
                foreach (SourceAct act in acts) await DoAsync(act, input, cancellationToken);
                _ = input.Done?.TrySetResult(isFollowed);
                if (_machine.Phase == SourcePhase.Ended) break;
                if (input.Happened == SourceEvent.LinkDown) connecting = ConnectAsync(isFirst: false);
            }
        }
        finally
        {
            await _ended.CancelAsync();
            _inbox.Close();
            await _copying.CancelAsync();
            await connecting;
            await CloseLinkAsync(isEnd: _machine.Phase == SourcePhase.Ended);
            _inbox.Drop();
        }

        return Report();
    }

    /// <summary>Notes what comes with an event.</summary>
    /// <returns>False for an event of a link that is over.</returns>
    private bool Begin(SourceInput input)
    {
        switch (input.Happened)
        {
            case SourceEvent.LinkUp:
                _sinceLink.Start();
                _link = input.Link;
                Tell($"connected to {_options.Address}");
                break;
            case SourceEvent.LinkDown:
                if (input.Link != _link) return false;
                _lostLinks++;
                Tell($"the link is lost: {input.Text}; {WhatIsSafe()}");
                break;
            case SourceEvent.Refused:
                _ending = $"the destination has refused the guest: {input.Text}";
                break;
            case SourceEvent.Finished:
                _actualHash = input.Body[..Sha256.Size].ToArray();
                _endState = input.Body[Sha256.Size..];
                break;
            case SourceEvent.StopFailed or SourceEvent.CheckFailed:
                _flaw = _ending = input.Text!;
                break;
            case SourceEvent.Abandoned:
                _ending = $"the destination has given the migration up: {input.Text}";
                break;
            case SourceEvent.Bye when input.Text is { } why:
                _ending = why;
                break;
        }

        return input.Link is null || input.Happened == SourceEvent.LinkUp || input.Link == _link;
    }

    private async Task DoAsync(SourceAct act, SourceInput input, CancellationToken cancel)
    {
        using Activity? phase = MigrationActivities.Begin(act.ToString());
        try
        {
            switch (act)
            {
                case SourceAct.SendOffer:
                    Offer offer = new(_options.Verifies, [.. _vm.Regions.Select(r => r.Pages)]) { Guest = _guest.Description };
                    _link?.Urgent.Send(
                        new FrameHeader { Kind = MessageKind.Offer, Region = offer.Regions.Count }, offer.ToBytes());
                    break;
                case SourceAct.BeginCopy:
                    await BeginCopyAsync();
                    break;
                case SourceAct.StopGuest:
                    _stoppedAt = Stopwatch.GetTimestamp();
                    await StopGuestAsync(cancel);
                    break;
                case SourceAct.SendHandOver:
                    await HandOverAsync(cancel);
                    break;
                case SourceAct.ResumeGuest:
                    await _guest.ResumeAsync(cancel);
                    break;
                case SourceAct.Check:
                    _ = CheckAsync(cancel);
                    break;
                case SourceAct.SendVerdict:
                    _link?.Urgent.Send(new FrameHeader { Kind = MessageKind.Verdict, Id = _machine.Epoch }, _expectedHash);
                    break;
                case SourceAct.SendBye:
                    _link?.Urgent.Send(new FrameHeader { Kind = MessageKind.Bye });
                    Post(new SourceInput(SourceEvent.Bye));
                    break;
                case SourceAct.SendAbandon:
                    _link?.Urgent.SendText(
                        new FrameHeader { Kind = MessageKind.Abandon }, _flaw ?? "its operator has said so");
                    break;
                case SourceAct.CloseLink:
                    _link?.Lose(new WireException(_machine.IsElsewhere
                        ? "another destination listens there now, which cannot know whether the first one runs the guest"
                        : "the destination says that it runs a guest which was not handed over to it"));
                    break;
            }
        }
        catch (IOException)
        {
            // The lane has ended; its reading thread reports it.
        }
    }

    private async Task BeginCopyAsync()
    {
        if (_preCopy is null)
        {
            if (_options.SwitchesByItself) Switch();
            return;
        }

        // A copy over the lost link must not remove pages from the set any more.
        await _copying.CancelAsync();
        await _copy;
        _copying = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        _copy = CopyAsync(_preCopy, _link!, _copying.Token);
    }

    private async Task CopyAsync(PreCopy preCopy, Link link, CancellationToken cancel)
    {
        try
        {
            await preCopy.CopyAsync(link, cancel);
            if (_options.SwitchesByItself) Switch();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The link is lost, or the guest is being stopped: pages not sent are still in the set of stale pages.
        }
        catch (Exception e)
        {
            _inbox.Fail(e);
        }
    }

    private async Task StopGuestAsync(CancellationToken cancel)
    {
        await _copying.CancelAsync();
        await _copy;
        try
        {
            _state = await _guest.StopAsync(cancel);
            Post(new SourceInput(SourceEvent.GuestStopped));
        }
        catch (MigrationException e)
        {
            Post(new SourceInput(SourceEvent.StopFailed, Text: e.Message));
        }
    }

    private async Task HandOverAsync(CancellationToken cancel)
    {
        if (_link is not { } link) return;
        if (_preCopy is not null) await _preCopy.DiscardAsync(link, cancel);
        foreach (Lane lane in link.Background)
            lane.Send(new FrameHeader { Kind = MessageKind.ContentEnd, Id = _machine.Epoch });
        link.Urgent.Send(new FrameHeader { Kind = MessageKind.HandOver, Id = _machine.Epoch }, _state.Span);
    }

    private async Task CheckAsync(CancellationToken cancel)
    {
        try
        {
            _expectedHash ??= await _guest.HashAtEndAsync(_endState, cancel);
            Post(new SourceInput(SourceEvent.Checked));
        }
        catch (MigrationException e)
        {
            Post(new SourceInput(SourceEvent.CheckFailed, Text: e.Message));
        }
        catch (Exception e)
        {
            _inbox.Fail(e);
        }
    }

    private async Task ConnectAsync(bool isFirst)
    {
        await CloseLinkAsync();
        await _connector.ConnectAsync(isFirst, _ended.Token);
    }

    private async Task CloseLinkAsync(bool isEnd = false)
    {
        if (_link is not { } link) return;
        _link = null;
        await Task.Run(isEnd ? link.Finish : link.Dispose);
        Volatile.Write(ref _bytesOfOldLinks, _bytesOfOldLinks + link.BytesOut);
    }

    private Task<bool> CommandAsync(SourceEvent command) => _inbox.CommandAsync(done => new SourceInput(command, Done: done));

    private void Post(in SourceInput input) => _inbox.Post(input);

    private void Tell(string what) => _options.Tell?.Invoke(what);

    private string WhatIsSafe() => _machine.Phase switch
    {
        SourcePhase.InDoubt => "the guest was handed over and it is not known whether it runs there, so it does not run here",
        SourcePhase.Serving => "the guest runs at the destination, and needs pages of here",
        SourcePhase.Complete => "the destination has every page",
        _ => "the guest goes on here",
    };

    private MigrationSourceReport Report() => new()
    {
        KeepsGuest = _machine.KeepsGuest,
        IsDelivered = _machine.IsDelivered,
        HandOvers = (long)_machine.Epoch,
        Downtime = _downtime,
        StoppedAt = Stopwatch.GetElapsedTime(0, _stoppedAt),
        Duration = _sinceLink.Elapsed,
        Rounds = Rounds,
        PreCopyBytes = _preCopy?.Bytes ?? 0,
        Bytes = SentBytes,
        Pages = _lanes.Pages,
        ZeroPages = _lanes.ZeroPages,
        LostLinks = _lostLinks,
        ExpectedHash = _expectedHash is null ? null : Convert.ToHexStringLower(_expectedHash),
        ActualHash = _actualHash is null ? null : Convert.ToHexStringLower(_actualHash),
        Ending = _ending,
    };
}
