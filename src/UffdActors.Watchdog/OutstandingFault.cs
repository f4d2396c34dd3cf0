namespace UffdActors.Watchdog;

/// <summary>An outstanding fault as the board has it.</summary>
/// <param name="Id">Counts the faults of the userfaultfd.</param>
/// <param name="Raised">When it was raised, in nanoseconds of CLOCK_MONOTONIC.</param>
/// <param name="Address">Address of its page.</param>
/// <param name="Region">Its region.</param>
/// <param name="Page">Its page within the region.</param>
/// <param name="Thread">The thread that waits for it.</param>
internal sealed record OutstandingFault(long Id, long Raised, ulong Address, int Region, long Page, int Thread);
