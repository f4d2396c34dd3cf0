using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Prefetch;

namespace UffdActors;

/// <summary>A background push under way. Safe for any thread.</summary>
public sealed class BackgroundPush : IAsyncDisposable
{
    private readonly PushProgress _progress;
    private readonly RegionPages _pages;
    private readonly PushRate _rate;
    private readonly IActorRef _push;
    private readonly int _unit;
    private readonly VmRoot _vm;

    internal BackgroundPush(PushProgress progress, RegionPages pages, PushRate rate, IActorRef push, int unit, VmRoot vm)
    {
        _progress = progress;
        _pages = pages;
        _rate = rate;
        _push = push;
        _unit = unit;
        _vm = vm;
    }

    /// <summary>Base pages of the region that are there, by push and by demand.</summary>
    public long ReceivedPages => _pages.Received.Count;

    /// <summary>
    /// Base pages of the region that are neither there nor given back by the guest. What the guest gives back before it has come is done:
    /// it is not fetched, and takes no memory until it is touched, which finds zeros.
    /// </summary>
    public long AbsentPages => _pages.CountAbsent(_unit);

    /// <summary>Pages, of the region's own size, that the push has filled with content.</summary>
    public long Pages => _progress.Pages;

    /// <summary>Pages, of the region's own size, that the push has filled with zeros.</summary>
    public long ZeroPages => _progress.ZeroPages;

    /// <summary>Bytes a second that are asked for, at most; 0 for as fast as it goes. A change shows within a second.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative.</exception>
    public long BytesPerSecond
    {
        get => _rate.BytesPerSecond;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _rate.BytesPerSecond = value;
        }
    }

    /// <summary>Asks for nothing more until <see cref="Resume"/>; what has been asked for is still filled, one chunk of it at the most.
    /// The region stays served on demand.</summary>
    public void Pause() => _push.Tell(new VmProtocol.HoldPush(true), ActorRefs.NoSender);

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume() => _push.Tell(new VmProtocol.HoldPush(false), ActorRefs.NoSender);

    /// <summary>
    /// Ends the push for good when the chunk in hand is filled: the wait for it (<see cref="WaitAsync"/>) ends cancelled, and what is
    /// absent comes on demand.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the push ends all the same.</param>
    /// <exception cref="VmFailedException">The VM has failed.</exception>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        _push.Tell(VmProtocol.EndPush.Instance, ActorRefs.NoSender);
        // How it ended is for WaitAsync to say.
        await _vm.OrFailed(Task.WhenAny(_progress.Finished.Task).WaitAsync(cancellationToken));
    }

    /// <summary>
    /// Ends the push (<see cref="StopAsync"/>) if it has not ended, however it ends: its source is not asked any more, and may be disposed
    /// of unless it serves. May be called any number of times.
    /// </summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>
    /// Ends when every page that its order names is there, or has been given back by the guest. A page that the source cannot give, or has
    /// lost, holds up no other: the push waits for those alone in the end, and brings them when the source has them again
    /// (<see cref="ServeOptions.SourcePatience"/>; what is lost, after <see cref="Userfault.Recover"/>). If it is stopped before that, the
    /// exception names them.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Pages that it had still to bring have been unmapped; every other page is there.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped, or <paramref name="cancellationToken"/> ends the wait.</exception>
    /// <exception cref="VmFailedException">The VM has failed.</exception>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended, or executes another program; what had not been
    /// filled by then is not received. EINVAL: pages take no fill, for something else is mapped there than was registered (incident
    /// <see cref="IncidentKind.FillRefused"/>); every other page is there.</exception>
    public Task WaitAsync(CancellationToken cancellationToken = default) =>
        _vm.OrFailed(_progress.Finished.Task.WaitAsync(cancellationToken));
}
