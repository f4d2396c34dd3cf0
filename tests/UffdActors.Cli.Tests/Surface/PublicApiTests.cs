using System.Reflection;
using PublicApiGenerator;
using UffdActors.Testing;

namespace UffdActors.Cli.Tests.Surface;

/// <summary>
/// The public surface of each library that is packed stands in a file beside its project, so that a change of it is seen in review.
/// </summary>
public sealed class PublicApiTests
{
    /// <summary>Set to 1, the files are written anew.</summary>
    private const string Accept = "UFFD_ACCEPT_API";

    public static TheoryData<string> Libraries =>
    [
        "UffdActors.Abi", "UffdActors.Model", "UffdActors", "UffdActors.Linux", "UffdActors.PostCopy", "UffdActors.Kvm",
        "UffdActors.Hosting", "UffdActors.Serve",
    ];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void The_public_surface_is_the_approved_one(string library)
    {
        string file = Path.Combine(SourceTree.Root, "src", library, "PublicApi.txt");
        string now = Assembly.Load(library).GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false })
            .ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable(Accept) == "1") File.WriteAllText(file, now);
        string approved = File.Exists(file) ? File.ReadAllText(file) : "";
        if (now == approved) return;
        string[] gone = [.. approved.Split('\n').Except(now.Split('\n'))];
        string[] come = [.. now.Split('\n').Except(approved.Split('\n'))];
        Assert.Fail(
            $"The public surface of {library} is not the one of {SourceTree.NameOf(file)}. Gone:\n{Lines(gone)}\nNew:\n"
                + $"{Lines(come)}\nIf that is meant, run this test with {Accept}=1 and commit the file.");
    }

    /// <summary>
    /// A migration, a VMM and a server are the proof that an embedder can write one: they see nothing that is not public.
    /// </summary>
    [Fact]
    public void Postcopy_Kvm_and_Serve_are_written_on_public_calls_alone()
    {
        foreach (string library in new[] { "UffdActors.Abi", "UffdActors.Model", "UffdActors", "UffdActors.Linux", "UffdActors.PostCopy" })
        {
            IEnumerable<string> friends = Assembly.Load(library)
                .GetCustomAttributes<System.Runtime.CompilerServices.InternalsVisibleToAttribute>().Select(a => a.AssemblyName);
            Assert.DoesNotContain(
                friends, f => f is "UffdActors.PostCopy" or "UffdActors.Kvm" or "UffdActors.Serve" or "UffdActors.SampleRom");
        }
    }

    private static string Lines(string[] lines) => string.Join('\n', lines.Take(20).Select(l => "  " + l.Trim()));
}
