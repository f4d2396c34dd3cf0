using System.Diagnostics;
using System.Threading.Channels;
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
    private readonly PageServer[] _servers;
    private readonly UInt128 _migration = Identity.New();
    private readonly Channel<SourceInput> _inputs = Channel.CreateUnbounded<SourceInput>(new() { SingleReader = true });
    private readonly SemaphoreSlim _recover = new(0);
    private readonly Stopwatch _sinceLink = new();
    private readonly CancellationTokenSource _ended = new();
    private CancellationTokenSource _copying = new();
    private Task _copy = Task.CompletedTask;
    private ReadOnlyMemory<byte> _state;
    private ReadOnlyMemory<byte> _endState;
    private byte[]? _actualHash;
    private byte[]? _expectedHash;
    private volatile Link? _link;
    private volatile bool _serves;
    private volatile string _ending = "";
    private Exception? _failure;
    private ulong _links;
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
            throw new ArgumentException("A pre-copy needs a userfaultfd that finds what the guest writes.", nameof(userfault));
        _vm = vm;
        _guest = guest;
        _options = options;
        _machine = new SourceMachine(options.Verifies);
        _servers = [.. Enumerable.Range(0, options.Channels + 1).Select(_ => new PageServer(vm))];
        if (options.PreCopy is { } preCopy) _preCopy = new PreCopy(vm, userfault!, preCopy);
    }

    /// <summary>Where it is.</summary>
    public SourcePhase Phase => _machine.Phase;

    /// <summary>True while there is a link to the destination.</summary>
    public bool IsLinked => _link is not null;

    /// <summary>Pages sent after the hand-over.</summary>
    public long SentPages => _servers.Sum(s => s.Pages + s.ZeroPages);

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
    public void Recover() => _recover.Release();

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
    public async Task<MigrationSourceReport> RunAsync(CancellationToken cancel = default)
    {
        Task connecting = ConnectAsync(isFirst: true);
        try
        {
            await foreach (SourceInput input in _inputs.Reader.ReadAllAsync(cancel))
            {
                if (_failure is not null) throw _failure;
                if (input.IsOfPeer) input.Link!.ControlTaken();
                if (!Begin(input)) continue;
                SourcePhase before = _machine.Phase;
                IReadOnlyList<SourceAct> acts = [.. _machine.Step(input.Happened, input.Epoch, input.Destination)];
                _serves = _machine.ServesPages;
                if (before == SourcePhase.InDoubt && _machine.Phase is SourcePhase.Serving or SourcePhase.Complete)
                {
                    // By its answer, or by the Welcome of a later link.
                    _downtime = Stopwatch.GetElapsedTime(_stoppedAt);
                    Tell("the guest runs at the destination");
                }

                bool isFollowed = !acts.Contains(SourceAct.RefuseCommand);
                foreach (SourceAct act in acts) await DoAsync(act, input, cancel);
                _ = input.Done?.TrySetResult(isFollowed);
                if (_machine.Phase == SourcePhase.Ended) break;
                if (input.Happened == SourceEvent.LinkDown) connecting = ConnectAsync(isFirst: false);
            }
        }
        finally
        {
            await _ended.CancelAsync();
            _inputs.Writer.Complete();
            await _copying.CancelAsync();
            await connecting;
            await CloseLinkAsync(isEnd: _machine.Phase == SourcePhase.Ended);
            while (_inputs.Reader.TryRead(out SourceInput left))
            {
                if (left.Happened == SourceEvent.LinkUp) left.Link!.Dispose();
                _ = left.Done?.TrySetResult(false);
            }
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
            case SourceEvent.Abandoned:
                _ending = $"the destination has given the migration up: {input.Text}";
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
                    Offer offer = new(_options.Verifies, [.. _vm.Regions.Select(r => r.Pages)]);
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
                    _link?.Urgent.SendText(new FrameHeader { Kind = MessageKind.Abandon }, "its operator has said so");
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
            Fail(e);
        }
    }

    private async Task StopGuestAsync(CancellationToken cancel)
    {
        await _copying.CancelAsync();
        await _copy;
        _state = await _guest.StopAsync(cancel);
        Post(new SourceInput(SourceEvent.GuestStopped));
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
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private async Task ConnectAsync(bool isFirst)
    {
        await CloseLinkAsync();
        Stopwatch time = Stopwatch.StartNew();
        string? told = null;
        if (!isFirst) await WaitForRetryAsync(isFirst: false);
        while (!_ended.IsCancellationRequested)
        {
            string why;
            try
            {
                await Task.Run(Connect);
                return;
            }
            catch (Exception e) when (e is WireException or MigrationException && isFirst)
            {
                Fail(new MigrationException($"{_options.Address}: {e.Message}. The guest goes on here.", e));
                return;
            }
            catch (Exception e) when (e is IOException or WireException or MigrationException)
            {
                why = e.Message;
            }
            catch (Exception e)
            {
                Fail(e);
                return;
            }

            if (isFirst && time.Elapsed >= _options.ConnectTimeout)
            {
                Fail(new MigrationException(
                    FormattableString.Invariant(
                        $"{_options.Address}: nobody took the connection for {_options.ConnectTimeout.TotalSeconds:0.#} s ({why}). Start ")
                        + "`uffd migrate receive` there first. The guest goes on here."));
                return;
            }

            if (_machine.Phase == SourcePhase.Complete && time.Elapsed >= _options.ConnectTimeout)
            {
                // The destination has every page, and does not answer any more.
                _ending = $"the destination has every page and does not answer any more ({why})";
                Post(new SourceInput(SourceEvent.Bye));
                return;
            }

            if (why != told && !isFirst) Tell($"no link yet: {why}");
            told = why;
            await WaitForRetryAsync(isFirst);
        }
    }

    private async Task WaitForRetryAsync(bool isFirst)
    {
        TimeSpan wait = isFirst ? TimeSpan.FromMilliseconds(50) : _options.RetryEvery ?? Timeout.InfiniteTimeSpan;
        try
        {
            _ = await _recover.WaitAsync(wait, _ended.Token);
        }
        catch (OperationCanceledException)
        {
            // The migration has ended.
        }
    }

    private void Connect()
    {
        Link link = new(++_links, _options.Channels, _options.PeerTimeout, _options.Placement, (lost, why) =>
        {
            if (why is IOException or WireException)
                Post(new SourceInput(SourceEvent.LinkDown, Link: lost, Text: why.Message));
            else Fail(why);
        });
        try
        {
            ulong running = 0;
            UInt128 destination = 0;
            for (int number = 0; number <= _options.Channels; number++)
            {
                Hello hello = new(Hello.Current, Hello.Current, number, _options.Channels, _migration, link.Number);
                Lane lane = Open(hello, out ulong epoch, out UInt128 who);
                if (number == 0) (running, destination) = (epoch, who);
                if (who != destination)
                {
                    lane.Dispose();
                    throw new IOException("its lanes lead to two destinations");
                }

                _ = link.TryAdd(lane);
            }

            Post(new SourceInput(SourceEvent.LinkUp, running, link, Destination: destination));
            link.Read(link.Urgent, lane => Serve(link, lane));
            foreach (Lane lane in link.Background) link.Read(lane, l => Serve(link, l));
            link.Watch();
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private Lane Open(in Hello hello, out ulong epoch, out UInt128 destination)
    {
        try
        {
            return Handshake.Open(_options.Address, _options.Tls, hello, _machine.Epoch, out epoch, out destination);
        }
        catch (WireException e) when (hello.Lane > 0)
        {
            // The urgent lane was accepted and is lost by now: this is no refusal of the guest, so the next link is another attempt.
            throw new IOException(e.Message, e);
        }
    }

    private void Serve(Link link, Lane lane)
    {
        PageServer server = _servers[lane.Number];
        while (true)
        {
            FrameHeader header = lane.ReadHeader();
            if (header.Kind == MessageKind.Request)
            {
                if (!_serves) throw new WireException("the destination asks for pages of a guest that runs here");
                Answer(server, lane, header);
            }
            else if (header.Kind != MessageKind.Ping)
            {
                if (lane.Number != 0 || EventOf(header.Kind) is not { } happened)
                    throw new WireException($"a frame of kind {header.Kind} on lane {lane.Number}");
                bool isText = header.Kind is MessageKind.Refused or MessageKind.Rejected or MessageKind.Abandon;
                byte[] body = isText ? [] : lane.ReadBody(header);
                string? text = isText ? lane.ReadText(header) : null;
                // The peer's next frame is read when this one has been handled, so that queued frames stay in the socket buffer and use no
                // memory here.
                Post(new SourceInput(happened, header.Id, link, body, text, IsOfPeer: true));
                link.WaitForControl();
            }
        }
    }

    private static void Answer(PageServer server, Lane lane, in FrameHeader request)
    {
        try
        {
            server.Send(lane, request with { Kind = MessageKind.Answer });
        }
        catch (Exception e) when (e is UffdException or InvalidOperationException)
        {
            lane.SendText(new FrameHeader { Kind = MessageKind.Lost, Id = request.Id }, e.Message);
        }
    }

    private static SourceEvent? EventOf(MessageKind kind) => kind switch
    {
        MessageKind.OfferTaken => SourceEvent.OfferTaken,
        MessageKind.Accepted => SourceEvent.Accepted,
        MessageKind.Refused => SourceEvent.Refused,
        MessageKind.Complete => SourceEvent.Complete,
        MessageKind.Finished => SourceEvent.Finished,
        MessageKind.Bye => SourceEvent.Bye,
        MessageKind.Abandon or MessageKind.Rejected => SourceEvent.Abandoned,
        _ => null,
    };

    private async Task CloseLinkAsync(bool isEnd = false)
    {
        if (_link is not { } link) return;
        _link = null;
        await Task.Run(isEnd ? link.Finish : link.Dispose);
        Volatile.Write(ref _bytesOfOldLinks, _bytesOfOldLinks + link.BytesOut);
    }

    private Task<bool> CommandAsync(SourceEvent command)
    {
        TaskCompletionSource<bool> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_inputs.Writer.TryWrite(new SourceInput(command, Done: done))) done.SetResult(false);
        return done.Task;
    }

    private void Fail(Exception why)
    {
        _failure = why;
        Post(new SourceInput(SourceEvent.LinkDown));
    }

    private void Post(SourceInput input)
    {
        if (!_inputs.Writer.TryWrite(input) && input.Happened == SourceEvent.LinkUp) input.Link!.Dispose();
    }

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
        Duration = _sinceLink.Elapsed,
        Rounds = Rounds,
        PreCopyBytes = _preCopy?.Bytes ?? 0,
        Bytes = SentBytes,
        Pages = _servers.Sum(s => s.Pages),
        ZeroPages = _servers.Sum(s => s.ZeroPages),
        LostLinks = _lostLinks,
        ExpectedHash = _expectedHash is null ? null : Convert.ToHexStringLower(_expectedHash),
        ActualHash = _actualHash is null ? null : Convert.ToHexStringLower(_actualHash),
        Ending = _ending,
    };
}
