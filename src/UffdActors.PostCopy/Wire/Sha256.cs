namespace UffdActors.PostCopy.Wire;

/// <summary>A hash of guest memory on the wire.</summary>
internal static class Sha256
{
    /// <summary>Bytes.</summary>
    public const int Size = 32;
}
