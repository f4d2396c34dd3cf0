using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd replay --emit c</c>: where the program goes, and how it is refused.</summary>
public sealed class EmitTests : IDisposable
{
    private static readonly string Replay =
        Path.Combine(AppContext.BaseDirectory, "Replays", "fault-at-the-new-place-before-its-remap.replay.json");

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task The_program_goes_to_standard_output_or_to_a_file_and_is_the_same()
    {
        CommandRun output = await CommandRun.Of("replay", Replay, "--emit", "c");
        output.EndsWith(ExitCode.Done);
        Assert.StartsWith("/*\n * remap-under-faults:", output.Output, StringComparison.Ordinal);
        Assert.Contains("start(&t0, \"mremap ram 0 1 spot 0\");", output.Output, StringComparison.Ordinal);

        CommandRun file = await CommandRun.Of("replay", Replay, "--emit", "c", "--out", _place.Path("run.c"));
        file.EndsWith(ExitCode.Done);
        Assert.Empty(file.Output);
        Assert.Equal(output.Output, await File.ReadAllTextAsync(_place.Path("run.c")));
    }

    [Fact]
    public async Task A_mutants_run_is_refused_in_one_line()
    {
        string mutant = _place.Path("mutant.json");
        await File.WriteAllTextAsync(
            mutant,
            (await File.ReadAllTextAsync(Replay)).Replace(
                "\"policy\":", "\"mutant\": \"no-recheck\", \"policy\":", StringComparison.Ordinal));
        CommandRun run = await CommandRun.Of("replay", mutant, "--emit", "c");
        run.EndsWith(ExitCode.BadInput);
        Assert.Empty(run.Output);
        Assert.Contains(
            "the mutant no-recheck", Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--out", "x.c")]
    [InlineData("--emit", "rust")]
    public async Task What_cannot_be_emitted_is_exit_2(string option, string value)
    {
        CommandRun run = await CommandRun.Of("replay", Replay, option, value);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(option, run.Error, StringComparison.Ordinal);
    }
}
