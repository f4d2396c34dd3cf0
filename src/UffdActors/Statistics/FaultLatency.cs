namespace UffdActors;

/// <summary>
/// How long a thread has waited for pages: from the moment at which each fault of it was read to the call that has woken it. Any thread
/// whose faults come by the userfaultfd: a vCPU of this library, of KVM, or of another process.
/// </summary>
/// <param name="ThreadId">
/// The thread, as <c>gettid</c> gives it and THREAD_ID reports it; of another process, in that one's namespace.
/// </param>
/// <param name="Faults">Faults of it that are over.</param>
/// <param name="BlockedNanoseconds">Time of all of them.</param>
/// <param name="P50Nanoseconds">Median, with an error of up to 1 %; so are the next two.</param>
/// <param name="P99Nanoseconds">99th percentile.</param>
/// <param name="MaxNanoseconds">The longest; a minute stands for all that is longer.</param>
/// <remarks>
/// Where the thread shares a CPU with the fault loop it may run before the call that wakes it comes back, and that time counts too. What a
/// fault has waited before it was read does not.
/// </remarks>
public sealed record FaultLatency(
    int ThreadId, long Faults, long BlockedNanoseconds, long P50Nanoseconds, long P99Nanoseconds, long MaxNanoseconds);
