using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>
/// Folders of a project make no circles, as projects do not (<see cref="LayerTests"/>). A folder is what its files hold; the namespace of
/// a type says where an embedder finds it, which may be elsewhere.
/// </summary>
public sealed class FolderTests
{
    public static TheoryData<string> Projects =>
        [.. Directory.GetFiles(Path.Combine(SourceTree.Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_of_a_project_make_no_circle(string project)
    {
        string? circle = FolderGraph.Of(BuiltAssemblies.FileOf("src/" + project), new TypeFiles(Path.Combine("src", project))).Circle();
        Assert.True(circle is null, $"{project}: {circle}");
    }
}
