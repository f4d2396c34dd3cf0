namespace UffdActors.Abi;

/// <summary>The complete command words of the ioctls, as <c>ioctl</c>(2) takes them.</summary>
public static class UffdioCommand
{
#pragma warning disable CS1591 // The names are the documentation.
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
