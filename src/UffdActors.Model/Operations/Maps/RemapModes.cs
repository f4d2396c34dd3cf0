namespace UffdActors.Model.Operations.Maps;

/// <summary>How mremap moves.</summary>
[Flags]
internal enum RemapModes
{
    /// <summary>Only in place.</summary>
    InPlace = 0,

    /// <summary>MREMAP_MAYMOVE.</summary>
    MayMove = 1,

    /// <summary>MREMAP_FIXED: to a given address.</summary>
    Fixed = 2,

    /// <summary>MREMAP_DONTUNMAP: the old range stays mapped, empty.</summary>
    DontUnmap = 4,
}
