using System.Reflection;

namespace UffdActors.Conformance.Tests;

/// <summary>The recordings that lie in <c>tests/Data</c>.</summary>
internal static class RecordedTraces
{
    public static string Folder { get; } = typeof(RecordedTraces).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RecordedData").Value!;

    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.GetFiles(Path.Combine(Folder, "traces"), "*.jsonl").Order(StringComparer.Ordinal)];
}
