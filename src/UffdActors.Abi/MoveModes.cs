namespace UffdActors;

/// <summary>Mode bits of UFFDIO_MOVE.</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum MoveModes : ulong
{
    None = 0,
    DontWake = 1,
    AllowSourceHoles = 2,
}
#pragma warning restore CS1591
