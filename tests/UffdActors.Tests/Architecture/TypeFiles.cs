using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>The source files of a project as places of types: type T stands in T.cs, in whatever folder that is.</summary>
internal sealed partial class TypeFiles
{
    private readonly Dictionary<(string Namespace, string Name), string> _folders = [];

    /// <summary>Reads which namespace each file declares.</summary>
    /// <param name="project">Path of the project's folder below the root.</param>
    public TypeFiles(string project)
    {
        string folder = Path.Combine(SourceTree.Root, project);
        foreach (string file in SourceTree.Files(project, ".cs"))
        {
            string place = Path.GetRelativePath(folder, Path.GetDirectoryName(file)!);
            string space = Namespace().Match(File.ReadAllText(file)).Groups["name"].Value;
            _folders.Add((space, Path.GetFileNameWithoutExtension(file)), place == "." ? "(root)" : place);
        }
    }

    /// <summary>The folder of a type's file, below the project's; null if no file is named after the type.</summary>
    /// <param name="space">Its namespace; empty if it has none.</param>
    /// <param name="name">Its name, with or without a generic arity.</param>
    public string? FolderOf(string space, string name) => _folders.GetValueOrDefault((space, name.Split('`')[0]));

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
