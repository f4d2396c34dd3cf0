using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("no-such-command")]
    [InlineData("backends", "--no-such-option")]
    public async Task Bad_usage_is_one_line_on_standard_error_and_exit_code_2(params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);

        run.EndsWith(ExitCode.BadInput);
        Assert.Empty(run.Output);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("uffd: ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("uffd: no-such-command: there is no such command or option. (try: uffd --help)", "no-such-command")]
    [InlineData(
        "uffd: --pages 0: must be a number from 1 to 9223372036854775807. (try: uffd bench faults --help)", "bench", "faults", "--pages",
        "0")]
    [InlineData("uffd: --no-such: there is no such command or option. (try: uffd backends --help)", "backends", "--no-such")]
    [InlineData("uffd: postcopi: there is no such command or option; did you mean postcopy? (try: uffd --help)", "postcopi")]
    [InlineData("uffd: fault: there is no such command or option; did you mean faults? (try: uffd bench --help)", "bench", "fault")]
    [InlineData("uffd: receive: there is no such command or option; did you mean uffd migrate receive? (try: uffd --help)", "receive")]
    [InlineData(
        "uffd: --memroy: there is no such command or option; did you mean --memory? (try: uffd postcopy --help)", "postcopy", "--memroy",
        "1M")]
    [InlineData("uffd: pstcopy: there is no such command; did you mean postcopy? (try: uffd --help)", "help", "pstcopy")]
    [InlineData("uffd: --image: what follows is empty. (try: uffd postcopy --help)", "postcopy", "--image", "")]
    [InlineData("uffd: --trace: what follows is empty. (try: uffd postcopy --help)", "postcopy", "--trace", "")]
    [InlineData("uffd: --config: what follows is empty. (try: uffd postcopy --help)", "postcopy", "--config", "")]
    [InlineData("uffd: --data: what follows is empty. (try: uffd conform --help)", "conform", "--data", "")]
    [InlineData("uffd: The first argument is empty. (try: uffd --help)", "")]
    public async Task What_is_unknown_or_empty_is_named(string line, params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);

        run.EndsWith(ExitCode.BadInput);
        Assert.Equal(line, run.Error.TrimEnd());
    }

    [Fact]
    public async Task A_default_in_the_help_can_be_typed()
    {
        CommandRun run = await CommandRun.Of("postcopy", "--help");

        run.EndsWith(ExitCode.Done);
        foreach (string value in new[] { "random", "missing" })
            Assert.Contains($"[default: {value}]", run.Output, StringComparison.Ordinal);
    }
}
