namespace UffdActors.Model.Memory;

/// <summary>The calls that fill pages.</summary>
internal enum FillKind
{
    /// <summary>UFFDIO_COPY.</summary>
    Copy,

    /// <summary>UFFDIO_ZEROPAGE.</summary>
    ZeroPage,

    /// <summary>UFFDIO_CONTINUE.</summary>
    Continue,

    /// <summary>UFFDIO_POISON.</summary>
    Poison,
}
