namespace UffdActors.Abi;

/// <summary>The ioctl numbers (<c>_UFFDIO_*</c>), type 0xAA.</summary>
public static class UffdioNumber
{
#pragma warning disable CS1591 // The names are the documentation.
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
