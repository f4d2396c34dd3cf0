using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// The pages that were filled last, and for which threads. A signal ends a thread's wait, and it faults again: if its page is installed and
/// its waiters are woken while it is on its way back into the wait, its message is read when the request is over already. Such a message
/// looks like a new fault of the thread on the same page.
/// </summary>
/// <remarks>
/// Whether it is one can be told neither from the message nor without asking the kernel: a page may have been taken away without an event.
/// So the thread is woken and looks again. If the page is there, that was a repeat; if not, it faults once more, and that is the fault.
/// A table of fixed size, in which a page takes the place of another: a page that is forgotten costs nothing but that such a message counts
/// as a fault.
/// </remarks>
internal sealed class LatestFills
{
    private const int Places = 64;

    private readonly Fill[] _fills = new Fill[Places];

    /// <summary>A request is over, its page filled, or found to be there, and its threads woken.</summary>
    public void Add(PageRequest request)
    {
        ref Fill fill = ref _fills[GoldenRatio.Bucket(request.Address, Places)];
        fill.Address = request.Address;
        fill.Id = request.Id;
        fill.Thread = request.Thread;
        fill.Flags = request.Flags;
    }

    /// <summary>True if a page is one of them. At every fault.</summary>
    public bool Has(ulong address) => _fills[GoldenRatio.Bucket(address, Places)].Address == address;

    /// <summary>True, once for each thread, if a thread that has waited for a page faults on it as it did before it was filled.</summary>
    /// <param name="address">The page.</param>
    /// <param name="message">The fault.</param>
    /// <param name="waits">Threads that were not the first to fault on their page.</param>
    public bool TakeWaiter(ulong address, in UffdMsg message, WaitingThreads waits)
    {
        ref Fill fill = ref _fills[GoldenRatio.Bucket(address, Places)];
        if (fill.Address != address || message.ThreadId == 0) return false;
        if (fill.Thread == message.ThreadId && fill.Flags == message.Flags)
        {
            fill.Thread = 0;
            return true;
        }

        // Why such a thread had faulted is not known but for what kind of fault it was.
        return ((fill.Flags ^ message.Flags) & (FaultFlags.Wp | FaultFlags.Minor)) == 0 && waits.Leave(message.ThreadId, fill.Id);
    }

    private struct Fill
    {
        public ulong Address;
        public long Id;
        public uint Thread;
        public FaultFlags Flags;
    }
}
