using System.Diagnostics;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>What a shell is offered where a command line ends.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("postcopy", "postc")]
    [InlineData("compare events faults memory", "bench", "")]
    [InlineData("--working-set --workload --world", "postcopy", "--wo")]
    [InlineData("live model", "postcopy", "--world", "")]
    [InlineData("live", "postcopy", "--handlers", "2", "--world", "l")]
    [InlineData("--world=live", "postcopy", "--world=l")]
    [InlineData("live", "postcopy", "--world", "=", "l")]
    [InlineData("bash fish zsh", "completion", "")]
    [InlineData("", "postcopy", "--image", "")]
    [InlineData("", "postcopy", "--vcpus", "")]
    public async Task The_words_that_go_on_are_offered(string offered, params string[] words)
    {
        CommandRun run = await CommandRun.Of(["complete", "--", .. words]);

        run.EndsWith(ExitCode.Done);
        IEnumerable<string> found = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]);
        Assert.Equal(offered, string.Join(' ', found.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Bash_completes_with_the_script_that_is_written_for_it()
    {
        const string Ask = """
            source <(uffd completion bash)
            COMP_WORDS=(uffd bench fa); COMP_CWORD=2; _uffd; echo "${COMPREPLY[@]}"
            COMP_WORDS=(uffd postcopy --world ''); COMP_CWORD=3; _uffd; echo "${COMPREPLY[@]}"
            complete -p uffd
            """;
        ProcessStartInfo start = new("bash", ["--norc", "-c", Ask]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        using Process bash = Process.Start(start)!;
        string said = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();

        Assert.Equal("faults\nmodel live\ncomplete -o default -F _uffd uffd\n", said);
    }

    [Fact]
    public async Task A_shell_without_a_script_is_refused_by_name()
    {
        CommandRun run = await CommandRun.Of("completion", "tcsh");

        run.EndsWith(ExitCode.BadInput);
        Assert.Equal("uffd: tcsh: must be one of bash, zsh, fish.", run.Error.TrimEnd());
    }
}
