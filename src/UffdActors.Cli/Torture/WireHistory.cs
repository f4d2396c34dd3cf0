using UffdActors.PostCopy;
using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>
/// What of a hand-over has been on the wire, and where a side may be by it when the other one is dead: WIRE.md's table of who is lost, as
/// a function of what was sent and what has arrived.
/// </summary>
internal sealed class WireHistory
{
    // As the source knows it.
    private bool _isOfferTaken;
    private bool _isHandedOver;
    private bool _hasHeardItRuns;
    private bool _hasHeardAll;
    // A Welcome that has arrived, and that the source uses once the link's other lanes are there: the epoch in it.
    private ulong? _welcome;
    // As the destination knows it.
    private bool _mayRun;
    private bool _runs;
    private bool _hasAll;

    /// <summary>Phases that a source may be in whose destination is dead.</summary>
    public IReadOnlyList<SourcePhase> Source => _welcome switch
    {
        null => SourceKnows,
        0 => [.. SourceKnows, SourcePhase.GuestHere],
        _ => [.. SourceKnows, SourcePhase.Serving],
    };

    /// <summary>Phases that a destination may be in whose source is dead.</summary>
    public IReadOnlyList<DestinationPhase> Destination => (_mayRun, _runs, _hasAll) switch
    {
        (_, _, true) => [DestinationPhase.Complete, DestinationPhase.Ended],
        (_, true, _) => [DestinationPhase.Running, DestinationPhase.Complete],
        (true, _, _) => [DestinationPhase.Waiting, DestinationPhase.Running, DestinationPhase.Complete],
        _ => [DestinationPhase.Waiting],
    };

    private SourcePhase[] SourceKnows => (_isHandedOver, _hasHeardItRuns, _hasHeardAll) switch
    {
        (_, _, true) => [SourcePhase.Complete, SourcePhase.Ended],
        (_, true, _) => [SourcePhase.Serving],
        (true, _, _) => [SourcePhase.InDoubt],
        // A hand-over may have been sent that has not come out of the source's socket.
        _ => _isOfferTaken ? [SourcePhase.GuestHere, SourcePhase.InDoubt] : [SourcePhase.GuestHere],
    };

    /// <summary>A frame was sent.</summary>
    /// <param name="lane">Lane.</param>
    /// <param name="fromSource">By the source.</param>
    /// <param name="header">The frame.</param>
    /// <param name="arrives">It is let through.</param>
    public void Note(int lane, bool fromSource, in FrameHeader header, bool arrives)
    {
        if (lane != 0) return;
        if (fromSource && header.Kind != MessageKind.Hello) UseWelcome();
        switch (header.Kind)
        {
            case MessageKind.Hello:
                _isOfferTaken = false;
                _welcome = null;
                break;
            case MessageKind.Welcome:
                // A Welcome says which epoch runs at the destination, and refuses every other.
                _runs |= header.Id > 0;
                _mayRun &= header.Id > 0;
                if (arrives) _welcome = header.Id;
                break;
            case MessageKind.OfferTaken:
                _isOfferTaken = arrives;
                break;
            case MessageKind.HandOver:
                _isHandedOver = true;
                _mayRun |= arrives;
                break;
            case MessageKind.Accepted:
                _runs = true;
                _hasHeardItRuns |= arrives;
                break;
            case MessageKind.Complete:
                _hasAll = true;
                _hasHeardAll |= arrives;
                break;
        }
    }

    private void UseWelcome()
    {
        if (_welcome == 0) _isHandedOver = false;
        if (_welcome > 0) _hasHeardItRuns = true;
        _welcome = null;
    }
}
