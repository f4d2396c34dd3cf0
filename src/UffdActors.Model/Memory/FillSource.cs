namespace UffdActors.Model.Memory;

/// <summary>The source of a fill: a kind and one word.</summary>
/// <param name="Kind">What <paramref name="Word"/> means.</param>
/// <param name="Word">Address of the buffer, user address, or stamp.</param>
public readonly record struct FillSource(FillSourceKind Kind, ulong Word)
{
    /// <summary>Zeros.</summary>
    public static FillSource Zero => default;

    /// <summary>Native memory of at least the fill's length. It must stay valid until the fill is finished.</summary>
    public static FillSource Buffer(nint address) => new(FillSourceKind.Buffer, (ulong)address);

    /// <summary>A stamp for every page of the fill.</summary>
    public static FillSource Stamp(uint stamp) => new(FillSourceKind.Stamp, stamp);

    /// <summary>An address in the caller's process.</summary>
    public static FillSource User(ulong address) => new(FillSourceKind.User, address);

    /// <summary>The source <paramref name="bytes"/> further on.</summary>
    public FillSource Advance(long bytes) =>
        Kind is FillSourceKind.Buffer or FillSourceKind.User ? this with { Word = Word + (ulong)bytes } : this;
}
