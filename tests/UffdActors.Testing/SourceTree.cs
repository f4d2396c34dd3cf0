namespace UffdActors.Testing;

/// <summary>The files of the repository, without what a build makes of them.</summary>
internal static class SourceTree
{
    private static readonly string[] MadeByBuilds = ["obj", "bin"];

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The files under a folder of the repository whose names end in one of some extensions.</summary>
    /// <param name="folder">Path below the root.</param>
    /// <param name="extensions">With the dot.</param>
    public static IEnumerable<string> Files(string folder, params string[] extensions) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*", SearchOption.AllDirectories)
            .Where(file => extensions.Contains(Path.GetExtension(file)))
            .Where(file => !NameOf(file).Split(Path.DirectorySeparatorChar).Any(MadeByBuilds.Contains))
            .Order(StringComparer.Ordinal);

    /// <summary>A file's path below the root.</summary>
    public static string NameOf(string file) => Path.GetRelativePath(Root, file);

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "UffdActors.sln"))) folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException("These tests read the sources, and do not find them above " + AppContext.BaseDirectory);
    }
}
