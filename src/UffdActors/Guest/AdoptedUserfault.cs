using UffdActors.Model.Mapping;

namespace UffdActors;

/// <summary>
/// A userfaultfd that other code has opened and that has come here: inherited, received over a socket (SCM_RIGHTS), or copied out of a
/// process (<c>pidfd_getfd</c>). Its handshake has been done; if that did not ask for THREAD_ID, a message does not tell whose fault it is,
/// and vCPUs count none.
/// </summary>
/// <remarks>
/// The descriptor belongs to the VM from the call on and is closed with it; other copies are not. With the last copy the kernel lets
/// waiting threads go on into pages of zeros, and a guest in another process is not stopped by that: so let its process keep a copy, or end
/// it first. One that has not been served here when the VM ends is left open, with an incident
/// (<see cref="IncidentKind.DescriptorLeftOpen"/>), unless the guest is stopped (<see cref="VmOptions.StopGuest"/>) or the loss is taken:
/// what of it is absent is not known.
/// </remarks>
public sealed record AdoptedUserfault
{
    /// <summary>Its number in this process.</summary>
    public required int Descriptor { get; init; }

    /// <summary>True if another process has opened it: it acts on that one's memory.</summary>
    public bool IsOfOtherProcess { get; init; }

    /// <summary>
    /// Number of the process that has opened it, if that is another one (then <see cref="IsOfOtherProcess"/> need not be said); names it in
    /// reports.
    /// </summary>
    public int? ProcessId { get; init; }

    /// <summary>
    /// Keeps its events beyond the end of this process, and says what an earlier process has read of them; null for neither. Stays the
    /// caller's.
    /// </summary>
    public EventJournal? Journal { get; init; }

    /// <summary>
    /// What the guest had given back before it came here, as pages of its address space (address / 4096): they are zeros, and nothing of
    /// them is asked of a source. That of a forked child (<see cref="Userfault.TakeChildren"/>) has what its parent had given back at the
    /// fork. It counts for the regions that are registered when serving begins.
    /// </summary>
    public IReadOnlyList<PageRange> Removed { get; init; } = [];

    internal bool IsOfAnother => IsOfOtherProcess || (ProcessId is { } id && id != Environment.ProcessId);
}
