namespace UffdActors.Model.Memory;

/// <summary>Where the bytes of a fill come from.</summary>
public enum FillSourceKind
{
    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>A native buffer that is always readable; the fill never sleeps on it.</summary>
    Buffer,

    /// <summary>A stamp that stands for the content of every page (<see cref="StampFolios"/>).</summary>
    Stamp,

    /// <summary>An address in the caller's own process, as UFFDIO_COPY takes it; reading it may fault and sleep.</summary>
    User,
}

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
