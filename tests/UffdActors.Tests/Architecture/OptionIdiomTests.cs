using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>
/// Options are made in one folder, nearly all by <c>TypedOptions</c>, so that a wrong value is refused by one kind of sentence.
/// </summary>
public sealed partial class OptionIdiomTests
{
    [Fact]
    public void No_command_makes_an_option_of_its_own()
    {
        IEnumerable<string> raw = SourceTree.Files(Path.Combine("src", "UffdActors.Cli"), ".cs")
            .Where(file => Path.GetFileName(Path.GetDirectoryName(file)) != "Options" && IsRaw(File.ReadAllText(file)))
            .Select(SourceTree.NameOf);
        Findings.None("Options are made by TypedOptions (UffdActors.Cli/Options): use one of its methods, or add one.", raw);
    }

    [Theory]
    [InlineData("Option<string[]> settings = new(\"--set\")", true)]
    [InlineData("_ = new Option<int>(\"--n\")", true)]
    [InlineData("Option<string?> json = TypedOptions.Json();", false)]
    [InlineData("foreach (Option option in new Option[] { _world, _place })", false)]
    public void An_option_is_raw_if_it_is_made_by_its_constructor(string code, bool isRaw) => Assert.Equal(isRaw, IsRaw(code));

    private static bool IsRaw(string code) => Constructed().IsMatch(code);

    [GeneratedRegex(@"new Option<|Option<.*> \w+ = new\(")]
    private static partial Regex Constructed();
}
