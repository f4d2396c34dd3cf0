using System.Text;
using UffdActors.Testing;

namespace UffdActors.Packages.Tests;

/// <summary>What is in the packages, and what is not.</summary>
[Collection(nameof(PackageCollection))]
public sealed class PackageTests(LocalFeed feed)
{
    private static readonly string[] Names =
    [
        "UffdActors", "UffdActors.Abi", "UffdActors.Hosting", "UffdActors.Kvm", "UffdActors.Linux", "UffdActors.Model",
        "UffdActors.PostCopy", "UffdActors.Serve", "UffdActors.Watchdog",
    ];

    public static TheoryData<string> Libraries => [.. Names];

    [Fact]
    public void Packed_are_the_libraries_with_their_symbols_and_the_command()
    {
        IEnumerable<string> expected = Names
            .SelectMany(name => new[] { $"{name}.{feed.Version}.nupkg", $"{name}.{feed.Version}.snupkg" })
            .Append($"uffd.{feed.Version}.nupkg");

        Assert.Equal(expected.Order(StringComparer.Ordinal), feed.Files.Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_library_has_its_assembly_its_documentation_its_first_page_and_nothing_else(string library)
    {
        List<string> expected =
            [$"{library}.nuspec", "README.md", $"lib/net10.0/{library}.dll", $"lib/net10.0/{library}.xml"];
        if (library == "UffdActors") expected.AddRange("build/UffdActors.targets", "buildTransitive/UffdActors.targets");

        Assert.Equal(expected.Order(StringComparer.Ordinal), feed.Contents(library).Keys.Order(StringComparer.Ordinal));
        Assert.Contains($"lib/net10.0/{library}.pdb", feed.Contents(library, "snupkg").Keys);
    }

    [Fact]
    public void The_command_has_its_libraries_and_no_recordings()
    {
        string[] files = [.. feed.Contents("uffd").Keys];

        Assert.Contains("README.md", files);
        Assert.Contains("tools/net10.0/any/uffd.dll", files);
        Assert.Contains("tools/net10.0/any/UffdActors.Watchdog.dll", files);
        Findings.None(
            "The tool's package holds programs: what it should not carry is left out in UffdActors.Cli.csproj.",
            files.Where(file => Path.GetExtension(file) is not (".dll" or ".pdb"))
                .Except([
                    "README.md", "uffd.nuspec", "tools/net10.0/any/DotnetToolSettings.xml", "tools/net10.0/any/uffd.deps.json",
                    "tools/net10.0/any/uffd.runtimeconfig.json"]));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    [InlineData("uffd")]
    public void A_package_says_what_it_is_and_leaves_the_licence_to_the_owner(string package)
    {
        string nuspec = feed.Nuspec(package);

        Assert.Contains("<readme>README.md</readme>", nuspec, StringComparison.Ordinal);
        Assert.Contains("<authors>UffdActors</authors>", nuspec, StringComparison.Ordinal);
        Assert.Contains("<description>", nuspec, StringComparison.Ordinal);
        Assert.DoesNotContain("licen", nuspec, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    [InlineData("uffd")]
    public void Nothing_in_a_package_names_a_folder_of_the_machine_that_made_it(string package)
    {
        byte[] root = Encoding.UTF8.GetBytes(SourceTree.Root);
        IEnumerable<KeyValuePair<string, byte[]>> files = feed.Contents(package);
        if (package != "uffd") files = files.Concat(feed.Contents(package, "snupkg"));

        Findings.None(
            "The same sources make the same package anywhere: see PathMap in src/Directory.Build.props.",
            files.Where(file => file.Value.AsSpan().IndexOf(root) >= 0).Select(file => file.Key));
    }
}
