using UffdActors.Abi;
using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// A userfaultfd as its reader sees it, whichever kernel is behind: the model's context, or a descriptor of the real one. In turns of the
/// context's actor only.
/// </summary>
internal interface IUffdDescriptor
{
    /// <summary>True if <see cref="TryRead"/> may find something. The actor asks after each of its turns.</summary>
    bool HasMessages { get; }

    /// <summary>Is told of outstanding faults; null without a watchdog.</summary>
    FaultWatch? Watch => null;

    /// <summary>
    /// Asks the kernel whether something has come that has not been announced yet; <see cref="HasMessages"/> then counts it. Nothing to do
    /// where every message is announced in turns of this actor.
    /// </summary>
    void Look()
    {
    }

    /// <summary>
    /// Messages that are wanted for now, at least 1: what comes behind them stays in the kernel. Nothing to do where messages are taken one
    /// by one.
    /// </summary>
    int Room
    {
        get => int.MaxValue;
        set
        {
        }
    }

    /// <summary>Takes the next message: faults come before events, whatever their age (SEMANTICS 6.2.2).</summary>
    /// <param name="message">The message.</param>
    /// <param name="trace">Time stamps of the fault, if it is a sampled one and this kernel can tell.</param>
    /// <returns>False if there is nothing to read.</returns>
    bool TryRead(out UffdMsg message, out FaultTrace? trace);

    /// <summary>Wakes every thread whose message address lies in the bytes [start, end) (UFFDIO_WAKE).</summary>
    void Wake(ulong start, ulong end);

    /// <summary>A range is not mapped any more, and no event has said so. Nothing to do where the map itself can be asked.</summary>
    void Unmapped(ulong start, ulong end)
    {
    }

    /// <summary>True if the page is registered with this userfaultfd now, whatever the messages read so far say.</summary>
    bool IsRegistered(long page);

    /// <summary>
    /// True if reading these pages of this process may raise a fault that the reader's own thread would have to resolve (RING L6). False
    /// where guest memory is no memory of this process.
    /// </summary>
    bool MayFaultAt(PageRange pages) => false;
}
