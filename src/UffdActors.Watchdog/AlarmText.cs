using System.Globalization;

namespace UffdActors.Watchdog;

/// <summary>An alarm in one line.</summary>
internal static class AlarmText
{
    /// <summary>Names the fault, its age, the heartbeat, and what the threads do.</summary>
    /// <param name="process">The runtime.</param>
    /// <param name="alarm">The alarm.</param>
    /// <param name="threads">Threads of the runtime.</param>
    /// <param name="done">What was done about it.</param>
    public static string Of(int process, Alarm alarm, IReadOnlyList<KernelTask> threads, string done)
    {
        WatchedUserfault userfault = alarm.Userfault;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"uffd watchdog: process {process}, {userfault.Name} (descriptor {userfault.Descriptor}): {What(alarm, threads)}, deadline "
            + $"{Seconds(userfault.Deadline)}; "
            + $"the fault loop's heartbeat stands at {userfault.Beats} for {Seconds(alarm.Silence)}; threads: "
            + $"{KernelTask.Describe(threads)}; {done}");
    }

    private static string What(Alarm alarm, IReadOnlyList<KernelTask> threads)
    {
        if (alarm.Fault is not { } fault)
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{alarm.Userfault.Unread} {(alarm.Userfault.Unread == 1 ? "fault is" : "faults are")} not even read after "
                    + $"{Seconds(alarm.Age)}");
        string name = threads.FirstOrDefault(t => t.Id == fault.Thread)?.Name is { } known ? $" ({known})" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"the fault at 0x{fault.Address:x} (region {fault.Region}, page {fault.Page}) of thread {fault.Thread}{name} is unresolved "
                + $"after {Seconds(alarm.Age)}");
    }

    private static string Seconds(long nanoseconds) => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:0.0##} s");
}
