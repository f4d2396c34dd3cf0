namespace UffdActors.Conformance.Programs;

/// <summary>A file at the end.</summary>
/// <param name="Number">File.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Pages">Content of each page, null for a hole; null for huge-page files.</param>
internal sealed record FileContent(int Number, long Bytes, IReadOnlyList<string?>? Pages);
