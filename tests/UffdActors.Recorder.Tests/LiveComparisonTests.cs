using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;
using UffdActors.Recorder.Comparison;
using UffdActors.Recorder.Execution;
using UffdActors.Testing;

namespace UffdActors.Recorder.Tests;

/// <summary>The kernel of this machine against the model.</summary>
public class LiveComparisonTests
{
    private const int EveryNthTrace = 5;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    [SkippableFact]
    public void Recorded_programs_show_on_this_kernel_what_the_model_shows()
    {
        LiveConditions conditions = LiveProcess.Require();
        using LiveComparison live = new(LiveProcess.Start(Deadline), conditions);
        IReadOnlyList<string> files = RecordedTraces.Files;

        for (int i = 0; i < files.Count; i += EveryNthTrace) AssertSame(live.Compare(TraceReader.Read(files[i])));

        Assert.Equal(60, live.Programs);
        Assert.InRange(live.Fields, 10_000, long.MaxValue);
    }

    [SkippableFact]
    public void Generated_programs_show_on_this_kernel_what_the_model_shows()
    {
        LiveConditions conditions = LiveProcess.Require();
        using LiveComparison live = new(LiveProcess.Start(Deadline), conditions);

        ComparisonReport report =
            new LiveRun(live, conditions, new LiveRunOptions { Programs = 150 }).Run(null, CancellationToken.None);

        AssertSame(report.Found?.Difference);
        Assert.Equal(150, report.Programs);
    }

    [SkippableFact]
    public void A_wrong_model_is_found_out_and_the_program_shrinks()
    {
        // The model is told that one read maps no neighbours; this machine's reads do.
        LiveConditions conditions = LiveProcess.Require() with { FaultAroundBytes = 0 };
        using LiveComparison live = new(LiveProcess.Start(Deadline), conditions);

        ComparisonReport report =
            new LiveRun(live, conditions, new LiveRunOptions { ShrinkAttempts = 300 }).Run(null, CancellationToken.None);

        FoundDifference found = Assert.IsType<FoundDifference>(report.Found);
        Assert.Equal("v", found.Difference.Problem.Field);
        // File, two pages with data, mapping, read, end; a little more where the attempts were used up.
        Assert.InRange(found.Difference.Program.Steps.Count, 4, 14);
    }

    /// <summary>A model of another kernel differs in more than one way: what is left of a program shows the one that was found.</summary>
    [SkippableFact]
    public void A_program_that_shrinks_shows_the_difference_that_was_found()
    {
        LiveConditions conditions = LiveProcess.Require() with { Profile = KernelProfile.Seed, FaultAroundBytes = 0 };
        using LiveComparison live = new(LiveProcess.Start(Deadline), conditions);
        int shrunk = 0;
        for (ulong seed = 1; shrunk < 6; seed++)
        {
            LiveDifference? first = live.Compare(
                ProgramGenerator.Generate(new Choices(seed), new GeneratorSettings { Profile = conditions.Profile }));
            if (first is null) continue;
            LiveRunOptions options = new() { Seed = seed, Programs = 1, ShrinkAttempts = 60 };
            LiveDifference last = new LiveRun(live, conditions, options).Run(null, CancellationToken.None).Found!.Difference;
            Assert.True(last.IsLike(first), $"{seed}: {first.Problem} and {last.Problem}");
            Assert.InRange(last.Program.Steps.Count, 1, first.Program.Steps.Count);
            shrunk++;
        }
    }

    [SkippableFact]
    public void A_recording_is_a_trace_that_the_model_replays()
    {
        LiveConditions conditions = LiveProcess.Require();
        using LiveComparison live = new(LiveProcess.Start(Deadline), conditions);

        Trace? trace = new Recording(live, conditions).Record(ProgramClass.Events, 3, 40, out string? problem);

        Assert.Null(problem);
        using ModelExecutor world = new(trace!.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        Assert.Empty(TraceReplay.Run(trace, world, new Differ(trace.Name)));
        Assert.Equal("events-3.jsonl", trace.Name);
    }

    [SkippableFact]
    public void A_step_that_hangs_and_a_child_that_dies_are_results_and_the_next_program_runs()
    {
        LiveConditions conditions = LiveProcess.Require();
        TraceHeader header = ProgramGenerator.Header with { FaultAroundBytes = conditions.FaultAroundBytes };
        using ProgramProcess process = LiveProcess.Start(TimeSpan.FromSeconds(10));
        ProgramStep open = new(ProgramOp.Open) { Word = 0x80000 };
        ProgramStep api = new(ProgramOp.Api) { Magic = 0xAA };

        process.Begin(header, fresh: false);
        Assert.Equal(0, process.Execute(open).Observed!.Return);
        Assert.Equal(0, process.Execute(api).Observed!.Return);
        // Nobody will ever write a message into this one.
        StepOutcome hang = process.Execute(new ProgramStep(ProgramOp.Read) { Value = 32 });
        process.Begin(header, fresh: false);
        StepOutcome death = process.Execute(new ProgramStep(ProgramOp.Access) { Thread = 0, Kind = "read", Address = header.ArenaStart });
        process.Begin(header, fresh: false);

        Assert.Null(hang.Observed);
        Assert.StartsWith("hangs: ", hang.Problem, StringComparison.Ordinal);
        Assert.Contains("userfaultfd", hang.Problem, StringComparison.Ordinal);
        Assert.Null(death.Observed);
        Assert.StartsWith("the process died of signal", death.Problem, StringComparison.Ordinal);
        Assert.Equal(0, process.Execute(open).Observed!.Return);
    }

    private static void AssertSame(LiveDifference? difference) => Assert.True(
        difference is null,
        difference is null
            ? ""
            : $"{difference.Problem}\n{string.Join('\n', difference.Program.Steps.Select(s => TraceWriter.ToText(s.Step)))}");
}
