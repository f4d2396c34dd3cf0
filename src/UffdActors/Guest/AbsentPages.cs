namespace UffdActors;

/// <summary>What becomes of pages that are absent when their userfaultfd is given up and the guest may still run.</summary>
public enum AbsentPages
{
    /// <summary>
    /// Threads that wait for them stay asleep, and so does a thread that touches one later: the userfaultfd is left open for that, and the
    /// guest's memory mapped, until the process ends. An incident (<see cref="IncidentKind.DescriptorLeftOpen"/>) says so.
    /// </summary>
    StayAbsent,

    /// <summary>They become zeros: threads that wait for one go on with it. For a guest whose state is not needed any more.</summary>
    ReadAsZeros,
}
