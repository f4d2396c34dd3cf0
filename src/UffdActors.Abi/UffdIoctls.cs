namespace UffdActors.Abi;

/// <summary>
/// The ioctls as bits, <c>1 &lt;&lt; nr</c>: what UFFDIO_API and UFFDIO_REGISTER report, and what a memory module's table declares.
/// </summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum UffdIoctls : ulong
{
    None = 0,
    Register = 1 << UffdioNumber.Register,
    Unregister = 1 << UffdioNumber.Unregister,
    Wake = 1 << UffdioNumber.Wake,
    Copy = 1 << UffdioNumber.Copy,
    ZeroPage = 1 << UffdioNumber.ZeroPage,
    Move = 1 << UffdioNumber.Move,
    WriteProtect = 1 << UffdioNumber.WriteProtect,
    Continue = 1 << UffdioNumber.Continue,
    Poison = 1 << UffdioNumber.Poison,
    Api = 1UL << UffdioNumber.Api,

    /// <summary>What UFFDIO_API reports: the calls that work on the context itself.</summary>
    OfContext = Register | Unregister | Api,

    /// <summary>What UFFDIO_REGISTER can report for base pages.</summary>
    OfRange = Wake | Copy | ZeroPage | Move | WriteProtect | Continue | Poison,

    /// <summary>What it can report as soon as a huge page is in the range.</summary>
    OfHugeRange = OfRange & ~(ZeroPage | Move),
}
#pragma warning restore CS1591

/// <summary>The ioctl numbers (<c>_UFFDIO_*</c>), type 0xAA.</summary>
public static class UffdioNumber
{
#pragma warning disable CS1591
    public const int Register = 0x00;
    public const int Unregister = 0x01;
    public const int Wake = 0x02;
    public const int Copy = 0x03;
    public const int ZeroPage = 0x04;
    public const int Move = 0x05;
    public const int WriteProtect = 0x06;
    public const int Continue = 0x07;
    public const int Poison = 0x08;
    public const int Api = 0x3F;
#pragma warning restore CS1591
}

/// <summary>The complete command words of the ioctls, as <c>ioctl</c>(2) takes them.</summary>
public static class UffdioCommand
{
#pragma warning disable CS1591
    public const uint Api = 0xC018AA3F;
    public const uint Register = 0xC020AA00;
    public const uint Unregister = 0x8010AA01;
    public const uint Wake = 0x8010AA02;
    public const uint Copy = 0xC028AA03;
    public const uint ZeroPage = 0xC020AA04;
    public const uint Move = 0xC028AA05;
    public const uint WriteProtect = 0xC018AA06;
    public const uint Continue = 0xC020AA07;
    public const uint Poison = 0xC020AA08;

    /// <summary>On <c>/dev/userfaultfd</c>: returns a new userfaultfd.</summary>
    public const uint NewFromDevice = 0xAA00;
#pragma warning restore CS1591
}
