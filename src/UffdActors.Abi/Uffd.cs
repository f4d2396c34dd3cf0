namespace UffdActors.Abi;

/// <summary>The magic and the flag words that userfaultfd calls take.</summary>
public static class Uffd
{
    /// <summary>The only value that <c>uffdio_api.api</c> may have.</summary>
    public const ulong ApiMagic = 0xAA;

    /// <summary>Bit that <c>/proc/PID/fdinfo</c> shows in the feature word once the handshake is done.</summary>
    public const ulong InitializedBit = 1UL << 31;

    /// <summary>System call number of <c>userfaultfd</c>(2) on x86-64.</summary>
    public const int SyscallX64 = 323;
}
