namespace UffdActors;

/// <summary>Feature bits of UFFDIO_API (<c>uffdio_api.features</c>); what each changes is in <c>userfaultfd</c>(2).</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum UffdFeatures : ulong
{
    None = 0,
    PagefaultFlagWp = 1 << 0,
    EventFork = 1 << 1,
    EventRemap = 1 << 2,
    EventRemove = 1 << 3,
    MissingHugetlbfs = 1 << 4,
    MissingShmem = 1 << 5,
    EventUnmap = 1 << 6,
    Sigbus = 1 << 7,
    ThreadId = 1 << 8,
    MinorHugetlbfs = 1 << 9,
    MinorShmem = 1 << 10,
    ExactAddress = 1 << 11,
    WpHugetlbfsShmem = 1 << 12,
    WpUnpopulated = 1 << 13,
    Poison = 1 << 14,
    WpAsync = 1 << 15,
    Move = 1 << 16,

    /// <summary>All that Linux 6.18 offers.</summary>
    All = 0x1FFFF,

    /// <summary>The features that make a call wait until its event is read.</summary>
    Events = EventFork | EventRemap | EventRemove | EventUnmap,
}
#pragma warning restore CS1591
