using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>The pages of an order, and the buffer that came with it.</summary>
internal readonly record struct OrderRange(int Region, long FirstPage, int Pages, nint Buffer)
{
    /// <summary>First page behind it.</summary>
    public long End => FirstPage + Pages;

    /// <summary>True if the bytes lie in the buffer.</summary>
    public bool HoldsInBuffer(nint address, long bytes) =>
        Buffer != 0 && address >= Buffer && address + bytes <= Buffer + ((nint)Pages << PageSize.BaseShift);

    public override string ToString() =>
        Pages == 1
            ? $"the order for page {FirstPage} of region {Region}"
            : $"the order for pages {FirstPage} to {End - 1} of region {Region}";
}
