namespace UffdActors.Abi;

/// <summary>The magic and the flag words that userfaultfd calls take.</summary>
public static class Uffd
{
    /// <summary>The only value that <c>uffdio_api.api</c> may have.</summary>
    public const ulong ApiMagic = 0xAA;

    /// <summary>What <c>/proc/PID/fdinfo</c> sets in the feature word once the handshake is done.</summary>
    public const ulong InitializedBit = 1UL << 31;

    /// <summary>System call number of <c>userfaultfd</c>(2) on x86-64.</summary>
    public const int SyscallX64 = 323;
}

/// <summary>Flags of <c>userfaultfd</c>(2).</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum UffdOpenFlags
{
    None = 0,
    UserModeOnly = 1,
    NonBlock = 0x800,
    CloseOnExec = 0x80000,
    All = UserModeOnly | NonBlock | CloseOnExec,
}

/// <summary>Mode bits of UFFDIO_COPY and UFFDIO_CONTINUE.</summary>
[Flags]
public enum FillModes : ulong
{
    None = 0,
    DontWake = 1,
    WriteProtect = 2,
}

/// <summary>Mode bits of UFFDIO_WRITEPROTECT. Clearing is the absence of <see cref="Protect"/>.</summary>
[Flags]
public enum WriteProtectModes : ulong
{
    Clear = 0,
    Protect = 1,
    DontWake = 2,
}

/// <summary>Mode bits of UFFDIO_MOVE.</summary>
[Flags]
public enum MoveModes : ulong
{
    None = 0,
    DontWake = 1,
    AllowSourceHoles = 2,
}
#pragma warning restore CS1591
