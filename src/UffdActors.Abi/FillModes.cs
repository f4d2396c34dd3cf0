namespace UffdActors.Abi;

/// <summary>Mode bits of UFFDIO_COPY and UFFDIO_CONTINUE.</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum FillModes : ulong
{
    None = 0,
    DontWake = 1,
    WriteProtect = 2,
}
#pragma warning restore CS1591
