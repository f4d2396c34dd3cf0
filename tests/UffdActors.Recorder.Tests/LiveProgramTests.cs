using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Recorder.Tests;

/// <summary>What a managed process can execute, and which model is which kernel. No kernel is needed here.</summary>
public class LiveProgramTests
{
    private static readonly LiveConditions Conditions = new("6.18.44", KernelProfile.Linux618, 64 * 1024, HugePages: false);

    [Fact]
    public void Prepared_programs_have_no_fork_no_huge_page_no_signal_and_nobody_left_asleep()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            Trace prepared = LiveProgram.Prepare(ProgramGenerator.Generate(new Choices(seed)), Conditions);
            Assert.DoesNotContain(prepared.Steps, s => s.Step.Op is ProgramOp.Fork or ProgramOp.Exit || s.Step.Thread >= 4);
            Assert.DoesNotContain(prepared.Steps, s => s.Step.Kind.StartsWith("htlb", StringComparison.Ordinal));
            Assert.DoesNotContain(prepared.Steps, s => (s.Expected.Result ?? "").StartsWith("sig", StringComparison.Ordinal));
            Assert.DoesNotContain(
                prepared.Steps.SelectMany(s => s.Expected.Finished ?? []),
                f => (f.Result.Result ?? "").StartsWith("sig", StringComparison.Ordinal));
            Assert.DoesNotContain(prepared.Steps, s => s.Step.Thread is null && s.Expected.Wait is not null);
            int asleep = prepared.Steps.Count(s => s.Expected.Wait is not null);
            Assert.Equal(asleep, prepared.Steps.Sum(s => s.Expected.Finished?.Count ?? 0));
            Assert.Equal(ProgramOp.Final, prepared.Steps[^1].Step.Op);
        }
    }

    [Fact]
    public void What_a_waiting_DONTNEED_has_emptied_is_not_touched_until_it_has_ended()
    {
        // The first page is emptied without an event, the second when its event has been read.
        string[] lines =
        [
            """{"op":"mmap","addr":"0x100000008000","len":"0x2000","prot":3,"kind":"anon"}""",
            """{"op":"open","flags":"0x80800"}""",
            """{"op":"api","u":0,"api":"0xaa","features":"0x8"}""",
            """{"op":"register","u":0,"start":"0x100000009000","len":"0x1000","mode":"0x1"}""",
            """{"op":"madvise","t":0,"addr":"0x100000008000","len":"0x2000","advice":"DONTNEED"}""",
            """{"op":"access","t":1,"kind":"read","addr":"0x100000008fff"}""",
            """{"op":"copy","u":0,"dst":"0x100000009000","src":"0x100000007800","len":"0x1000","mode":"0x0"}""",
            """{"op":"access","t":2,"kind":"kread","addr":"0x100000009000"}""",
            """{"op":"read","u":0,"bytes":512}""",
            """{"op":"access","t":1,"kind":"read","addr":"0x100000008000"}""",
        ];
        TraceStep[] steps = [.. lines.Select((line, i) => new TraceStep(
            TraceReader.ReadOperation(line.Replace("{", $"{{\"i\":{i},", StringComparison.Ordinal)), new Observation()))];
        Trace prepared = LiveProgram.Prepare(new Trace("t", ProgramGenerator.Header, steps), Conditions);
        Assert.Equal(
            [0x1000_0000_9000, 0x1000_0000_8000],
            prepared.Steps.Where(s => s.Step.Op == ProgramOp.Access).Select(s => s.Step.Address));
        Assert.DoesNotContain(prepared.Steps, s => s.Step.Op == ProgramOp.Copy);
    }

    [Theory]
    [InlineData("6.18.44-fc-v669", "linux-6.18")]
    [InlineData("6.18", "linux-6.18")]
    [InlineData("7.1.0-rc3", "linux-7.1")]
    [InlineData("6.1.18", null)]
    [InlineData("6.180.1", null)]
    public void Only_a_kernel_of_the_same_release_has_a_model(string release, string? profile) =>
        Assert.Equal(profile, LiveConditions.ModelOf(release)?.Name);
}
