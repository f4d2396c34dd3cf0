using UffdActors.Handling;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Live;

/// <summary>A monitor's thread on the kernel: its calls travel to the backend that issues them, and back.</summary>
internal class LiveThread(LiveUserfault userfault) : MonitorThread
{
    /// <inheritdoc />
    public override IPageFill NewFill(PageRequest? request) => new LiveFill(this, userfault, request);

    /// <inheritdoc />
    public override IMonitorCall ClearProtection(PageRequest request) => new LiveClear(this, userfault, request);

    /// <inheritdoc />
    public override IMonitorCall PopulateAlias(PageRequest request, ulong address) => new LivePopulate(this, userfault, request, address);

    /// <inheritdoc />
    public override bool TryWriteAlias(ulong address, nint bytes, int length)
    {
        if (userfault.AliasAt(address) is not { } alias) return false;
        long offset = (long)(address - alias.Address);
        // A base page is mapped by the write itself. With the pool of huge pages empty a write into a hole would end the process (SIGBUS):
        // where that can be, the page is asked for first, which gives an errno.
        if (length > PageSize.Base && alias.Advise(offset, length, MemoryAdvice.PopulateWrite) != Errno.None) return false;
        alias.WriteFrom(offset, bytes, length);
        return true;
    }

    /// <inheritdoc />
    public override (bool IsMapped, bool IsProtected)? EntryOf(ulong address) => userfault.EntryOf(address);

    /// <inheritdoc />
    public override void Wake(ulong start, ulong length) => userfault.Descriptor.Wake(start, start + length);
}
