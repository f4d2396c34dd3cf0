using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Runs;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests;

/// <summary>Everything that was recorded, through both, every field.</summary>
public class ConformanceRunTests
{
    [Fact]
    public void Every_recorded_row_and_step_is_what_the_kernel_and_the_actors_do()
    {
        IReadOnlyList<RecordedFile> files = ConformanceData.Read(RecordedTraces.Folder);
        // Three orders here; the command takes twenty.
        ConformanceReport report = new ConformanceRun(RecordedTraces.Folder, files, new ConformanceOptions { Seeds = 3 }).Run();
        Assert.Empty(report.Mismatches);
        Assert.Equal(2_580 + 2_106, report.Rows);
        Assert.Equal(300 + 25, report.Files.Count(f => f.Steps > 0));
        Assert.Equal(19_456 + 776, report.Steps);
        Assert.Equal(0, report.Skipped);
        foreach (FileResult file in report.Files)
        {
            Assert.Equal(["kernel", "actors", "actors, random order"], file.Ways.Select(w => w.Way));
            Assert.Equal(file.Ways[0].Fields, file.Ways[1].Fields);
        }
    }

    [Fact]
    public void Another_kernel_than_the_recorded_one_does_not_hold()
    {
        IReadOnlyList<RecordedFile> files = ConformanceData.Read(RecordedTraces.Folder, "shmem-private");
        ConformanceReport report = new ConformanceRun(
            RecordedTraces.Folder, files, new ConformanceOptions { Via = ConformanceVia.Kernel, Profile = Model.KernelProfile.Seed }).Run();
        // The table of June 2025 takes CONTINUE on shared mappings only.
        Assert.Contains(report.Mismatches, m => m.Field == "ret" && m.Expected == "0" && m.Actual == "EINVAL");
    }

    [Fact]
    public void What_goes_wrong_on_a_thread_of_the_replay_ends_it()
    {
        IReadOnlyList<RecordedFile> files = ConformanceData.Read(RecordedTraces.Folder, "vma-7.");
        ConformanceRun run = new(RecordedTraces.Folder, files, new ConformanceOptions { Seeds = 0 });
        InvalidOperationException thrown =
            Assert.Throws<InvalidOperationException>(() => run.Run((_, _) => throw new InvalidOperationException("out of order")));
        Assert.Equal("out of order", thrown.Message);
    }

    [Fact]
    public void A_filter_takes_files_by_name_and_rows_by_text()
    {
        Assert.Equal(["traces/vma-7.jsonl"], ConformanceData.Read(RecordedTraces.Folder, "vma-7.").Select(f => f.Name));
        IReadOnlyList<RecordedFile> rows = ConformanceData.Read(RecordedTraces.Folder, "hugetlb,present,");
        Assert.Equal(2, rows.Count);
        Assert.All(rows.SelectMany(f => f.Rows), row => Assert.Equal("present", row.Values["state"]));
    }

    [Fact]
    public void A_filter_that_nothing_matches_is_said()
    {
        ConformanceDataException error =
            Assert.Throws<ConformanceDataException>(() => ConformanceData.Read(RecordedTraces.Folder, "no such thing"));
        Assert.Contains("\"no such thing\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_speed_is_measured_over_the_passes_behind_the_first_two()
    {
        IReadOnlyList<RecordedFile> files = ConformanceData.Read(RecordedTraces.Folder, "pages-1.");
        ConformanceReport report = new ConformanceRun(RecordedTraces.Folder, files, new ConformanceOptions { Seeds = 0 }).Run(passes: 3);
        Assert.Equal([("kernel", 1), ("actors", 1)], report.Speed.Select(s => (s.Way, s.Passes)));
        Assert.All(report.Speed, s => Assert.True(s.StepsPerSecond > 0));
    }
}
