using Akka.Actor;
using UffdActors.Handling;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// A monitor's thread that reports its calls when they are made, and its writes through aliases: the first turn of a call is part of a turn
/// of its handler, so no message shows it.
/// </summary>
internal sealed class WatchedThread(MonitorThread inner, Action<IMonitorCall> begun, Action<ulong, nint, int> written) : MonitorThread
{
    /// <inheritdoc />
    public override long ChangeEpoch => inner.ChangeEpoch;

    /// <inheritdoc />
    public override void Attach(IActorRef actor)
    {
        base.Attach(actor);
        inner.Attach(actor);
    }

    /// <inheritdoc />
    public override void Exit() => inner.Exit();

    /// <inheritdoc />
    public override IPageFill NewFill(PageRequest? request) => inner.NewFill(request);

    /// <inheritdoc />
    public override IMonitorCall ClearProtection(PageRequest request) => Begun(inner.ClearProtection(request));

    /// <inheritdoc />
    public override IMonitorCall PopulateAlias(PageRequest request, ulong address) => Begun(inner.PopulateAlias(request, address));

    /// <inheritdoc />
    public override bool TryWriteAlias(ulong address, nint bytes, int length)
    {
        if (!inner.TryWriteAlias(address, bytes, length)) return false;
        written(address, bytes, length);
        return true;
    }

    /// <inheritdoc />
    public override (bool IsMapped, bool IsProtected)? EntryOf(ulong address) => inner.EntryOf(address);

    /// <inheritdoc />
    public override void Wake(ulong start, ulong length) => inner.Wake(start, length);

    private IMonitorCall Begun(IMonitorCall call)
    {
        begun(call);
        return call;
    }
}
