namespace UffdActors.Testing;

/// <summary>The recordings that lie in <c>tests/Data</c>.</summary>
internal static class RecordedTraces
{
    public static string Folder { get; } = Path.Combine(SourceTree.Root, "tests", "Data", "linux-6.18");

    public static IReadOnlyList<string> Files { get; } = FilesOf("traces");

    /// <summary>Programs on which a kernel and the model once differed.</summary>
    public static IReadOnlyList<string> Found { get; } = FilesOf("found");

    private static string[] FilesOf(string folder) =>
        [.. Directory.GetFiles(Path.Combine(Folder, folder), "*.jsonl").Order(StringComparer.Ordinal)];
}
