namespace UffdActors;

/// <summary>Guest memory that other code has mapped and goes on to own: the VM never unmaps or frees it, and it survives the VM.</summary>
/// <remarks>It has to stay mapped until the VM has been disposed of.</remarks>
public sealed record AdoptedMemory
{
    /// <summary>First address, in the process that has mapped it; a multiple of its page size.</summary>
    public required ulong Address { get; init; }

    /// <summary>Size in base pages.</summary>
    public required long Pages { get; init; }

    /// <summary>What is behind it: <c>shmem</c>, <c>hugetlb</c>, <c>guest-memfd</c>; null for private anonymous memory.</summary>
    public string? Module { get; init; }

    /// <summary>
    /// True if it is mapped in another process, as a VMM's is in its monitor: then its address means nothing here, it is never touched from
    /// here, and it is filled through a userfaultfd of that process only. Name the process too (<see cref="ProcessId"/>) if the memory is
    /// to be read or scanned.
    /// </summary>
    public bool IsInOtherProcess { get; init; }

    /// <summary>
    /// Number of the process that has mapped it, if that is another one (then <see cref="IsInOtherProcess"/> need not be said): its memory
    /// can be read (<see cref="GuestReader"/>), its page table scanned (<see cref="Userfault.TakeWrittenAsync"/>) and advised on
    /// (<see cref="UffdVm.AdviseAsync"/>) from here, for which this process has to be allowed to trace it (CAP_SYS_PTRACE). Null if it is
    /// this process, or nothing of that is needed. The address space is the one that the process has now: what it executes later is none of
    /// this memory.
    /// </summary>
    public int? ProcessId { get; init; }

    /// <summary>
    /// Descriptor, in this process, of the memory's own file. It is mapped a second time, as the alias through which content goes in where
    /// faults are resolved by CONTINUE (<see cref="RegionOptions.WithAlias"/>), and its pages are allocated in full. It belongs to the VM
    /// from the call on, whatever comes of that.
    /// </summary>
    public int? Descriptor { get; init; }

    /// <summary>
    /// Keeps which pages have got their content through <see cref="Descriptor"/>, for a process that serves the guest when this one has
    /// ended; with one of an earlier process, pages that are noted are only mapped, and the file's pages are not allocated once more. Stays
    /// the caller's. Null to keep nothing.
    /// </summary>
    public WrittenJournal? Written { get; init; }

    /// <summary>The page cache will hold all content before the guest runs, as with <see cref="RegionOptions.IsFilled"/>.</summary>
    public bool IsFilled { get; init; }

    /// <summary>
    /// What the kernel has reported when the memory was registered with the userfaultfd that is adopted, by this process or another: then
    /// <see cref="Userfault.RegisterAsync"/> makes no call, and what its owner has mapped anew since stays unregistered. Null to register
    /// it.
    /// </summary>
    public UffdIoctls? RegisteredAs { get; init; }

    /// <summary>Byte of the file at which the memory begins; a multiple of its page size.</summary>
    public long DescriptorOffset { get; init; }
}
