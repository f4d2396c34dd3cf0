namespace UffdActors.Serve;

/// <summary>Pages that one session is served instead of those of its memory file, which all others are served from.</summary>
/// <param name="FileOffset">Byte of the memory file at which they lie; a multiple of 4096.</param>
/// <param name="Bytes">Their content: whole pages of 4096 bytes, at least one, within the file.</param>
public sealed record OverlayPages(long FileOffset, ReadOnlyMemory<byte> Bytes);
