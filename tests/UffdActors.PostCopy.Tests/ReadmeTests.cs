namespace UffdActors.PostCopy.Tests;

/// <summary>The examples of README.md are code that compiles and does what is said.</summary>
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
    public async Task The_page_source_fills_every_page()
    {
        const int Pages = 200;
        using SlowZeros source = new(Pages);
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await uffd.PushAsync(memory, source);
        await push.WaitAsync();
        Assert.Equal(Pages, push.ReceivedPages);
    }

    [Theory]
    [InlineData(0, "LibraryExample.cs")]
    [InlineData(1, "SlowZeros.cs")]
    public void README_shows_the_lines_that_are_compiled(int example, string file)
    {
        string readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md"));
        string shown = readme.Split("```csharp")[example + 1].Split("```")[0];
        string[] compiled = LinesOf(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file)));

        string[] code = [.. LinesOf(shown).Where(line => !line.StartsWith("using UffdActors", StringComparison.Ordinal))];
        int first = Array.IndexOf(compiled, code[0]);
        Assert.True(first >= 0, $"\"{code[0]}\" is not in {file}.");
        Assert.Equal(code, compiled.Skip(first).Take(code.Length));
    }

    private static string[] LinesOf(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
