using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Samples.Tests;

/// <summary>Every sample does what it says, in both worlds.</summary>
public sealed class SampleTests
{
    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task Embedding_brings_every_page(string world) =>
        TellsAsync(EmbedSample.RunAsync, world, "embed: 1024 of 1024 pages are there, 5000 accesses");

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task A_source_over_TCP_brings_every_page_right(string world) =>
        TellsAsync(TcpSample.RunAsync, world, "tcp: 128 pages by demand, 128 by push, 0 wrong");

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task A_hosted_vm_serves_and_is_healthy(string world) =>
        TellsAsync(HostedSample.RunAsync, world, "hosted: 1000 accesses, Healthy");

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task What_happens_is_exported_as_metrics_and_traces(string world)
    {
        if (world == "live") ThisKernel.Require();
        using StringWriter output = new();
        List<Activity> traces = [];
        List<string> instruments = [];
        await TelemetrySample.RunAsync(
            world, output,
            to => to.AddProcessor(new SimpleActivityExportProcessor(new Kept<Activity>(traces.Add))),
            to => to.AddReader(new BaseExportingMetricReader(new Kept<Metric>(metric => instruments.Add(metric.Name)))));

        Assert.Equal("telemetry: 256 pages, verified", output.ToString().TrimEnd());
        string[] names = [.. traces.Select(a => a.DisplayName).Distinct()];
        Assert.All(
            ["uffd.map", "uffd.open", "uffd.register", "uffd.serve", "uffd.push", "uffd.migration.transfer", "uffd.migration.verify",
                "uffd.migration.whole"],
            name => Assert.Contains(name, names));
        // The push may bring every page before a vCPU touches one; the first fault of a vCPU is always among the traces.
        Assert.Equal(instruments.Contains("uffd.fault.duration"), names.Contains("uffd.fault"));
        // The calls are within the migration that makes them.
        Activity whole = traces.Single(a => a.DisplayName == "uffd.migration.whole");
        Assert.All(traces.Where(a => a.DisplayName == "uffd.register"), a => Assert.Equal(whole.SpanId, a.ParentSpanId));
    }

    private sealed class Kept<T>(Action<T> keep) : BaseExporter<T>
        where T : class
    {
        public override ExportResult Export(in Batch<T> batch)
        {
            foreach (T item in batch) keep(item);
            return ExportResult.Success;
        }
    }

    private static async Task TellsAsync(Func<string, TextWriter, Task> sample, string world, string line)
    {
        if (world == "live") ThisKernel.Require();
        using StringWriter output = new();
        await sample(world, output);
        Assert.Equal(line, output.ToString().TrimEnd());
    }
}
