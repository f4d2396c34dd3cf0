namespace UffdActors.PostCopy.Tests;

/// <summary>The library example of README.md is code that compiles and does what is said.</summary>
public class ReadmeTests
{
    [Fact]
    public async Task The_example_fills_every_page_of_a_real_file()
    {
        (long faults, long present, long pages) = await LibraryExample.RunAsync(typeof(PostCopyMigration).Assembly.Location);

        Assert.InRange(faults, 1, pages);
        Assert.Equal(pages, present);
    }

    [Fact]
    public void README_shows_the_lines_that_are_compiled()
    {
        string[] readme = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "README.md"));
        string[] shown = [.. readme.SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```").Select(line => line.Trim())];
        string[] compiled = [.. File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "LibraryExample.cs")).Select(line => line.Trim())];

        string[] code = [.. shown.Where(line => !line.StartsWith("using UffdActors", StringComparison.Ordinal) && line.Length > 0)];
        int first = Array.IndexOf(compiled, code[0]);
        Assert.True(first >= 0, $"\"{code[0]}\" is not in LibraryExample.cs.");
        Assert.Equal(code, compiled.Skip(first).Take(code.Length));
    }
}
