namespace UffdActors.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("no-such-command")]
    [InlineData("backends", "--no-such-option")]
    public async Task Bad_usage_is_one_line_on_standard_error_and_exit_code_2(params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);

        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("uffd: ", run.Error, StringComparison.Ordinal);
    }
}
