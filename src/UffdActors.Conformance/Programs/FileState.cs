namespace UffdActors.Conformance.Programs;

/// <summary>A file as a step shows it.</summary>
/// <param name="Number">File.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Blocks">Allocated blocks of 4 KiB.</param>
/// <param name="Data">A character a page, 1 where there is data; empty for huge-page files.</param>
internal sealed record FileState(int Number, long Bytes, long Blocks, string Data);
