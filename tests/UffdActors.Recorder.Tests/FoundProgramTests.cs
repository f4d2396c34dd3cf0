using UffdActors.Conformance.Programs;
using UffdActors.Recorder.Comparison;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Recorder.Tests;

/// <summary>
/// Programs on which this kernel and the model once differed, and calls that fail half way: all in few steps, most on huge pages.
/// </summary>
[Collection(HugePageCollection.Name)]
public class FoundProgramTests(HugePages pages)
{
    public static TheoryData<string> Programs => [.. RecordedTraces.Found.Select(path => Path.GetFileNameWithoutExtension(path))];

    [SkippableTheory]
    [MemberData(nameof(Programs))]
    public void This_kernel_and_the_model_show_the_same(string program)
    {
        pages.Require();
        LiveConditions conditions = LiveProcess.Require() with { HugePages = true };
        using LiveComparison live = new(LiveProcess.Start(TimeSpan.FromMinutes(2)), conditions);
        Trace trace = TraceReader.Read(Path.Combine(RecordedTraces.Folder, "found", program + ".jsonl"));

        LiveDifference? difference = live.Compare(trace);

        Assert.True(difference is null, difference?.Problem.ToString());
        // Nothing was left out on the way to the kernel.
        Assert.InRange(live.Steps, trace.Steps.Count, long.MaxValue);
    }
}
