namespace UffdActors;

/// <summary>Modes of UFFDIO_REGISTER: which faults of a range are delivered (<c>uffdio_register.mode</c>).</summary>
[Flags]
public enum RegisterModes : ulong
{
    /// <summary>No mode; UFFDIO_REGISTER refuses it.</summary>
    None = 0,

    /// <summary>Faults on pages that exist neither in the mapping nor in a page cache.</summary>
    Missing = 1,

    /// <summary>Writes to write-protected pages.</summary>
    WriteProtect = 2,

    /// <summary>Faults on pages that the page cache holds and the mapping does not.</summary>
    Minor = 4,

    /// <summary>Every mode that Linux 6.18 knows.</summary>
    All = Missing | WriteProtect | Minor,
}
