using UffdActors.Bench;
using UffdActors.Bench.Tests;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Tests;

/// <summary>The document that <c>uffd bench faults</c> writes and <c>uffd bench compare</c> reads.</summary>
public sealed class FaultBenchDocumentTests
{
    [Fact]
    public void A_document_reads_back_as_it_was_written()
    {
        FaultBenchReport report = SampleReport.Of(1000);
        string text = FaultBenchDocument.Of(report);
        Assert.Equal(text, FaultBenchDocument.Of(FaultBenchDocument.Parse(text, "copy")));
    }

    [Theory]
    [InlineData("\"version\": 2", "\"version\": 1", "version 1")]
    [InlineData("uffd-bench-faults", "uffd-postcopy", "uffd-postcopy")]
    [InlineData("faultsPerSecond", "faultsPerMinute", "faultsPerMinute")]
    public void Another_version_another_kind_or_other_units_are_refused(string written, string changed, string named)
    {
        string text = FaultBenchDocument.Of(SampleReport.Of(1000)).Replace(written, changed, StringComparison.Ordinal);
        BenchException e = Assert.Throws<BenchException>(() => FaultBenchDocument.Parse(text, "b.json"));
        Assert.Contains("b.json", e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"dispatcher\": \"fault-loop\"", "\"dispatcher\": null")]
    [InlineData("\"content\": \"phantom\"", "\"content\": null")]
    [InlineData("\"cpus\": []", "\"cpus\": null")]
    [InlineData("\"cpus\": []", "\"cpus\": [-1]")]
    [InlineData("\"rows\": [", "\"rows\": [null,")]
    [InlineData("\"vcpus\": 4", "\"vcpus\": 0")]
    [InlineData("\"pages\": 10", "\"pages\": -1")]
    [InlineData("\"median\": 1000", "\"median\": -1000")]
    [InlineData("\"min\": 1000", "\"min\": 2000")]
    [InlineData("\"messagesPerFault\": 5", "\"messagesPerFault\": 1e999")]
    public void A_document_that_makes_no_sense_is_refused_whole(string written, string changed)
    {
        string text = FaultBenchDocument.Of(SampleReport.Of(1000));
        Assert.Contains(written, text, StringComparison.Ordinal);
        string wrong = text.Replace(written, changed, StringComparison.Ordinal);
        _ = Assert.Throws<BenchException>(() => FaultBenchDocument.Parse(wrong, "b.json"));
    }
}
