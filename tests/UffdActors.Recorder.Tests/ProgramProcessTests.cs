using System.Diagnostics;
using UffdActors.Conformance.Programs;
using UffdActors.Recorder.Execution;

namespace UffdActors.Recorder.Tests;

/// <summary>Children that are a shell: what the parent makes of their answers.</summary>
public sealed class ProgramProcessTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);
    private static readonly TraceHeader Header = new("none", 1, "6.18", 0, 0x100000000000, 0x100080000000, 0x200000000000, 0x200040000000);

    [Theory]
    [InlineData("echo signalled; read more", "told to end by a signal")]
    [InlineData("echo signalled; read more; exit 143", "ended by SIGTERM")]
    [InlineData("kill -TERM $$", "ended by SIGTERM")]
    [InlineData("kill -KILL $$", "ended by SIGKILL")]
    [InlineData("kill -STOP $$", "stopped (SIGSTOP)")]
    public void A_signal_between_two_programs_is_told_even_if_the_process_is_not_needed_any_more(string then, string says)
    {
        using ProgramProcess process =
            new(() => new ProcessStartInfo("sh", ["-c", $"read header; echo ready; read next; {then}"]), Deadline);
        process.Begin(Header, fresh: true);

        RecorderException told = Assert.Throws<RecorderException>(() => process.Begin(Header, fresh: true));

        Assert.Contains(says, told.Message, StringComparison.Ordinal);
    }
}
