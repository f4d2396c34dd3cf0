namespace UffdActors.Model.Memory;

/// <summary>Page sizes of x86-64. Page numbers in the model always count base pages.</summary>
public static class PageSize
{
    /// <summary>log2 of a base page.</summary>
    public const int BaseShift = 12;

    /// <summary>Bytes in a base page.</summary>
    public const int Base = 1 << BaseShift;

    /// <summary>log2 of the default huge page, 2 MiB.</summary>
    public const int HugeShift = 21;

    /// <summary>Bytes in the default huge page.</summary>
    public const int Huge = 1 << HugeShift;

    /// <summary>log2 of the large huge page, 1 GiB.</summary>
    public const int GiantShift = 30;

    /// <summary>Bytes in the large huge page.</summary>
    public const int Giant = 1 << GiantShift;

    /// <summary>First address that no process can map: 47 bits less a guard page.</summary>
    public const ulong TaskSize = 0x7FFF_FFFF_F000;

    /// <summary>Base page that holds <paramref name="address"/>.</summary>
    public static long PageOf(ulong address) => (long)(address >> BaseShift);

    /// <summary>First address of a base page.</summary>
    public static ulong AddressOf(long page) => (ulong)page << BaseShift;

    /// <summary>Bytes rounded up to whole base pages.</summary>
    public static long PagesFor(long bytes) => (bytes + Base - 1) >> BaseShift;
}
