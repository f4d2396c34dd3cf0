namespace UffdActors;

/// <summary>What is known of a page of a region, at a moment when every event had been read.</summary>
public enum PageState
{
    /// <summary>
    /// Nothing has been put there. The source has it; where nothing is filled (a region that is registered for write protection alone),
    /// memory is as it was.
    /// </summary>
    Absent,

    /// <summary>Filled with the source's bytes, and not written since as far as can be told.</summary>
    FromSource,

    /// <summary>Filled with zeros, because the source has zeros there.</summary>
    Zero,

    /// <summary>
    /// The guest has given it back (REMOVE): it reads as zeros, whatever the source has, also after it was read again. Of shared memory
    /// DONTNEED, which gives the same event, takes the mapping and not the content: a page that has kept its content is told as what it
    /// was.
    /// </summary>
    Removed,

    /// <summary>
    /// Written by the guest since it was filled or, if that was later, protected by the caller. Known of regions that are registered for
    /// write protection; elsewhere of pages alone that were removed, and hold anything but zeros now.
    /// </summary>
    Written,

    /// <summary>
    /// Lost for good, by <see cref="Userfault.PoisonAsync"/> or <see cref="ServeOptions.PoisonLostPages"/>: it has no content, and whoever
    /// touches it gets SIGBUS, or EFAULT in a system call. Until the guest gives it back.
    /// </summary>
    Poisoned,
}
