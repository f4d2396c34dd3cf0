using System.Reflection;

namespace UffdActors.Cli.Tests.Surface;

/// <summary>Who embeds the runtime sees the libraries made for it, and nothing of the command and of what checks and measures.</summary>
public sealed class PublicTypesTests
{
    [Theory]
    [InlineData("uffd")]
    [InlineData("UffdActors.Bench")]
    [InlineData("UffdActors.Conformance")]
    [InlineData("UffdActors.Explore")]
    [InlineData("UffdActors.Pictures")]
    [InlineData("UffdActors.Recorder")]
    [InlineData("UffdActors.Stress")]
    [InlineData("UffdActors.Watchdog")]
    public void What_checks_and_measures_shows_no_type(string assembly) => Assert.Empty(Assembly.Load(assembly).GetExportedTypes());
}
