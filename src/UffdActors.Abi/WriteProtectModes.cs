namespace UffdActors;

/// <summary>Mode bits of UFFDIO_WRITEPROTECT. Clearing is the absence of <see cref="Protect"/>.</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum WriteProtectModes : ulong
{
    Clear = 0,
    Protect = 1,
    DontWake = 2,
}
#pragma warning restore CS1591
