using UffdActors.Handling;

namespace UffdActors.Testing.Guests;

/// <summary>A monitor's thread for a reader of which no call is asked.</summary>
internal sealed class NoThread : MonitorThread
{
    public override IPageFill NewFill(PageRequest? request) => null!;

    public override IMonitorCall ClearProtection(PageRequest request) => throw new NotSupportedException();

    public override IMonitorCall PopulateAlias(PageRequest request, ulong address) => throw new NotSupportedException();

    public override bool TryWriteAlias(ulong address, nint bytes, int length) => throw new NotSupportedException();

    public override void Wake(ulong start, ulong length) => throw new NotSupportedException();
}
