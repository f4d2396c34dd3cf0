using UffdActors.Testing.ThisMachine;

namespace UffdActors.Packages.Tests;

/// <summary>A new project with our packages, outside the repository: built, and published in every form.</summary>
[Collection(nameof(PackageCollection))]
public sealed class EmbedderTests(LocalFeed feed)
{
    private const string Publish = "publish --no-restore -c Release -r linux-x64 -v:q ";

    [SkippableTheory]
    [InlineData("build --no-restore -c Release -v:q", "bin/Release/net10.0")]
    [InlineData(Publish + "--self-contained false -o framework-dependent", "framework-dependent")]
    [InlineData(Publish + "--self-contained true -o self-contained", "self-contained")]
    [InlineData(Publish + "--self-contained true -p:PublishSingleFile=true -o single-file", "single-file")]
    public async Task The_example_of_the_first_page_runs_in_both_worlds_and_is_watched(string command, string folder)
    {
        const string AllThere = " of 512 pages are there";
        string program = folder + "/embedder";
        ConsoleProject project = await feed.ProjectAsync();
        _ = await project.DoAsync(command);

        Assert.EndsWith(AllThere, await project.RunAsync(program, "uffd.world = model"), StringComparison.Ordinal);
        ThisKernel.Require();
        Assert.EndsWith(
            AllThere, await project.RunAsync(program, "uffd.world = live, uffd.watchdog.deadline = 5m"), StringComparison.Ordinal);
        Assert.Matches(@"^uffd watchdog: .* is unresolved after ", await project.WithholdAsync(program));
    }

    [Fact]
    public async Task What_cannot_work_is_refused_when_it_is_built()
    {
        ConsoleProject project = await feed.ProjectAsync();

        foreach ((string property, string says) in new[] { ("PublishTrimmed", "cannot be trimmed"), ("PublishAot", "ahead of time") })
        {
            (int code, string said) = await project.DotnetAsync($"build --no-restore -v:q -p:{property}=true");
            Assert.NotEqual(0, code);
            Assert.Contains("error UFFD0001: UffdActors cannot be ", said, StringComparison.Ordinal);
            Assert.Contains(says, said, StringComparison.Ordinal);
            Assert.Contains($"Remove {property}", said, StringComparison.Ordinal);
        }
    }
}
