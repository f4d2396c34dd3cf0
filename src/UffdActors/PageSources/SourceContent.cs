namespace UffdActors;

/// <summary>What a page's content is.</summary>
public enum SourceContent
{
    /// <summary>Zeros: nothing need be copied.</summary>
    Zero,

    /// <summary>Bytes at an address.</summary>
    Bytes,

    /// <summary>A stamp, for phantom memory; the address is the stamp.</summary>
    Stamp,
}
