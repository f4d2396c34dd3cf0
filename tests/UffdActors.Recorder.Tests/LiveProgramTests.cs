using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Recorder.Tests;

/// <summary>What a managed process can execute, and which differences are accepted. No kernel is needed here.</summary>
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
            Assert.DoesNotContain(prepared.Steps.SelectMany(s => s.Expected.Finished ?? []), f => (f.Result.Result ?? "").StartsWith("sig", StringComparison.Ordinal));
            Assert.DoesNotContain(prepared.Steps, s => s.Step.Thread is null && s.Expected.Wait is not null);
            int asleep = prepared.Steps.Count(s => s.Expected.Wait is not null);
            Assert.Equal(asleep, prepared.Steps.Sum(s => s.Expected.Finished?.Count ?? 0));
            Assert.Equal(ProgramOp.Final, prepared.Steps[^1].Step.Op);
        }
    }

    [Theory]
    [InlineData("1000-3000 rw-p - anon 08", "1000-2000 rw-p - anon 0\n2000-3000 rw-p - anon 8", true)]
    [InlineData("1000-3000 rw-p - f0+1000 08", "1000-2000 rw-p - f0+1000 0\n2000-3000 rw-p - f0+2000 8", true)]
    [InlineData("1000-3000 rw-p - f0+1000 08", "1000-2000 rw-p - f0+1000 0\n2000-3000 rw-p - f0+1000 8", false)]
    [InlineData("1000-3000 rw-p - anon 08", "1000-2000 rw-p - anon 0\n2000-3000 rw-p - anon 0", false)]
    [InlineData("1000-3000 rw-p M anon 08", "1000-2000 rw-p M anon 0\n2000-3000 rw-p - anon 8", false)]
    public void Only_boundaries_between_equal_neighbours_are_a_known_difference(string model, string kernel, bool known) =>
        Assert.Equal(known ? KnownDifferences.Merging : null, KnownDifferences.Explain(new Mismatch("x", 0, "v", model, kernel)));
}
