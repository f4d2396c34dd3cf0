using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>Counts of a context, kept in its turns. Reading them from elsewhere gives a recent value.</summary>
internal sealed class FaultCounters
{
    /// <summary>Missing faults read.</summary>
    public long Missing { get; private set; }

    /// <summary>Minor faults read.</summary>
    public long Minor { get; private set; }

    /// <summary>Write-protection faults read.</summary>
    public long WriteProtect { get; private set; }

    /// <summary>Missing faults that a write caused.</summary>
    public long MissingWrites { get; private set; }

    /// <summary>Minor faults that a write caused.</summary>
    public long MinorWrites { get; private set; }

    /// <summary>Faults on a page that was already being resolved.</summary>
    public long Merged { get; set; }

    /// <summary>
    /// Messages of a thread about a page that it waits for already: a signal ends the wait, and the thread faults again. No faults of their
    /// own. One that is read when its page has just been filled is counted here too (<see cref="LatestFills"/>): of a thread that was woken
    /// then and faults again, because the page was taken away meanwhile, the second message is the fault.
    /// </summary>
    public long Repeated { get; set; }

    /// <summary>Requests that ended without a fill of theirs: the page was there already, or the range was gone.</summary>
    public long Dismissed { get; set; }

    /// <summary>Requests delivered again after a crash.</summary>
    public long Redelivered { get; set; }

    /// <summary>Faults outside every region.</summary>
    public long Strays { get; set; }

    /// <summary>Events read.</summary>
    public long Events { get; set; }

    /// <summary>Pages, of their regions' own sizes, filled with content on demand.</summary>
    public long DemandPages { get; private set; }

    /// <summary>Pages, of their regions' own sizes, filled with zeros on demand.</summary>
    public long DemandZeroPages { get; private set; }

    /// <summary>Pages poisoned on demand: lost for good.</summary>
    public long PoisonedPages { get; private set; }

    /// <summary>All faults read, without repeats.</summary>
    public long Faults => Missing + Minor + WriteProtect;

    /// <summary>The counts of now.</summary>
    public FaultCounts Snapshot() => new()
    {
        Missing = Missing,
        MissingWrites = MissingWrites,
        Minor = Minor,
        MinorWrites = MinorWrites,
        WriteProtect = WriteProtect,
        Merged = Merged,
        Repeated = Repeated,
        Dismissed = Dismissed,
        Redelivered = Redelivered,
        Strays = Strays,
        Events = Events,
        DemandPages = DemandPages,
        DemandZeroPages = DemandZeroPages,
        PoisonedPages = PoisonedPages,
    };

    public void CountFault(FaultFlags flags)
    {
        int write = (flags & FaultFlags.Write) != 0 ? 1 : 0;
        if ((flags & FaultFlags.Wp) != 0)
        {
            WriteProtect++;
        }
        else if ((flags & FaultFlags.Minor) != 0)
        {
            Minor++;
            MinorWrites += write;
        }
        else
        {
            Missing++;
            MissingWrites += write;
        }
    }

    public void Count(PageRequest request)
    {
        if (request.Fill.Kind == FillKind.Poison) PoisonedPages++;
        else if (request.Content == SourceContent.Zero) DemandZeroPages++;
        else DemandPages++;
    }
}
