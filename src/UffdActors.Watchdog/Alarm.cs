namespace UffdActors.Watchdog;

/// <summary>A fault that is late.</summary>
/// <param name="Userfault">Its userfaultfd.</param>
/// <param name="Fault">The fault; null if the runtime has not read it yet.</param>
/// <param name="Age">Its age in nanoseconds; of an unread one, the time since it was first seen.</param>
/// <param name="Silence">Time since the fault loop's heartbeat was last seen to move, in nanoseconds.</param>
internal sealed record Alarm(WatchedUserfault Userfault, OutstandingFault? Fault, long Age, long Silence);
