using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>Help, the manual page, and how wide they are.</summary>
public sealed class HelpTests
{
    [Fact]
    public async Task Help_of_a_command_is_what_its_own_option_prints()
    {
        CommandRun run = await CommandRun.Of("help", "bench", "faults");

        run.EndsWith(ExitCode.Done);
        Assert.Equal((await CommandRun.Of("bench", "faults", "--help")).Output, run.Output);
    }

    [Fact]
    public async Task Help_alone_is_that_of_all_commands() =>
        Assert.Equal((await CommandRun.Of("--help")).Output, (await CommandRun.Of("help")).Output);

    [Fact]
    public async Task The_manual_page_has_every_command_and_every_option()
    {
        CommandRun run = await CommandRun.Of("help", "--man");

        run.EndsWith(ExitCode.Done);
        foreach ((string name, System.CommandLine.Command command) in CommandPageTests.Leaves())
        {
            int section = run.Output.IndexOf($".SS \"{name.Replace("-", "\\-", StringComparison.Ordinal)}", StringComparison.Ordinal);
            Assert.True(section >= 0, name);
            int end = run.Output.IndexOf("\n.S", section + 1, StringComparison.Ordinal);
            foreach (System.CommandLine.Option option in command.Options.Where(o => !o.Hidden))
            {
                string typed = option.Name.Replace("-", "\\-", StringComparison.Ordinal);
                Assert.Contains($"\\fB{typed}\\fR", run.Output[section..end], StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("80", 80)]
    [InlineData("40", 40)]
    [InlineData("39", null)]
    [InlineData("201", null)]
    [InlineData("-80", null)]
    [InlineData("wide", null)]
    [InlineData(null, null)]
    public void A_width_counts_that_a_table_fits_into(string? text, int? columns) => Assert.Equal(columns, Terminal.ColumnsOf(text));

    [Theory]
    [InlineData("help", "postcopy")]
    [InlineData("postcopy", "--help")]
    public async Task What_is_written_fits_the_width_that_is_asked_for(params string[] args)
    {
        using StringWriter output = new();
        int code = await new CommandHost(new Terminal(output, TextWriter.Null, isInteractive: false, columns: 80)).RunAsync(args);

        Assert.Equal(ExitCode.Done, code);
        Assert.All(output.ToString().Split('\n'), line => Assert.True(line.TrimEnd().Length <= 80, line));
    }
}
