using UffdActors.Testing;

namespace UffdActors.Kvm.Tests;

/// <summary>The VMM of src/UffdActors.Kvm/README.md is code that compiles and does what is said.</summary>
public sealed class ReadmeTests
{
    [SkippableFact]
    public async Task The_VMM_of_the_page_runs_a_guest_whose_memory_is_served()
    {
        ThisKvm.Require();
        (VcpuEnd end, ulong sum, long faults) = await SmallVmm.RunAsync();
        Assert.True(end.IsDone, end.Message);
        Assert.Equal((ulong)Enumerable.Range(16, 240).Sum(), sum);
        // Each page of data, three page tables, and the program.
        Assert.InRange(faults, 244, 256);
    }

    [Theory]
    [InlineData(0, "SmallVmm.cs")]
    [InlineData(1, "BytesSource.cs")]
    public void The_page_shows_the_lines_that_are_compiled(int example, string file)
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Root, "src", "UffdActors.Kvm", "README.md"));
        string[] shown = LinesOf(page.Split("```csharp")[example + 1].Split("```")[0]);
        string[] compiled = LinesOf(File.ReadAllText(Path.Combine(SourceTree.Root, "tests", "UffdActors.Kvm.Tests", file)));
        int first = Array.IndexOf(compiled, shown[0]);
        Assert.True(first >= 0, $"\"{shown[0]}\" is not in {file}.");
        Assert.Equal(shown, compiled.Skip(first).Take(shown.Length));
    }

    private static string[] LinesOf(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
