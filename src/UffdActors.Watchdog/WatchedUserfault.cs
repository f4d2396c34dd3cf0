namespace UffdActors.Watchdog;

/// <summary>A userfaultfd as the board has it.</summary>
/// <param name="Slot">Its slot.</param>
/// <param name="Generation">Distinguishes it from earlier users of the slot.</param>
/// <param name="Name">Name for reports.</param>
/// <param name="Descriptor">Number of its descriptor in the runtime.</param>
/// <param name="Beats">Passes of its fault loop.</param>
/// <param name="Deadline">Age from which on a fault is late, in nanoseconds.</param>
/// <param name="Kills">True if the runtime is to be killed then.</param>
/// <param name="Oldest">The oldest outstanding fault; null if there is none.</param>
internal sealed record WatchedUserfault(
    int Slot, int Generation, string Name, int Descriptor, long Beats, long Deadline, bool Kills, OutstandingFault? Oldest)
{
    /// <summary>Faults that the runtime has not read, by the kernel's count.</summary>
    public int Unread { get; init; }
}
