using System.Reflection;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Tests;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Recorder.Tests;

/// <summary>
/// Programs on which this kernel and the model once differed, and calls that fail half way: all in few steps, most on huge pages.
/// </summary>
[Collection(HugePageCollection.Name)]
public class FoundProgramTests(HugePages pages)
{
    public static TheoryData<string> Programs =>
    [
        .. Directory.GetFiles(Path.Combine(Folder, "found"), "*.jsonl").Select(path => Path.GetFileNameWithoutExtension(path))
            .Order(StringComparer.Ordinal),
    ];

    private static string Folder =>
        typeof(FoundProgramTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RecordedData").Value!;

    [SkippableTheory]
    [MemberData(nameof(Programs))]
    public void This_kernel_and_the_model_show_the_same(string program)
    {
        pages.Require();
        LiveConditions conditions = LiveProcess.Require() with { HugePages = true };
        using LiveComparison live = new(LiveProcess.Start(TimeSpan.FromMinutes(2)), conditions);
        Trace trace = TraceReader.Read(Path.Combine(Folder, "found", program + ".jsonl"));

        LiveDifference? difference = live.Compare(trace);

        Assert.True(difference is null, difference?.Problem.ToString());
        // Nothing was left out on the way to the kernel.
        Assert.InRange(live.Steps, trace.Steps.Count, long.MaxValue);
    }
}
