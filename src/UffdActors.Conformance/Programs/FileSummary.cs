namespace UffdActors.Conformance.Programs;

/// <summary>A file.</summary>
/// <param name="Number">Number.</param>
/// <param name="IsHuge">hugetlb.</param>
/// <param name="Bytes">Size.</param>
internal readonly record struct FileSummary(int Number, bool IsHuge, long Bytes);
