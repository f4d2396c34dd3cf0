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
