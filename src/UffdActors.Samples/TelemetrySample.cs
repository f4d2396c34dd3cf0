using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using UffdActors.PostCopy;

namespace UffdActors.Samples;

/// <summary>
/// Metrics and traces of a VM by OpenTelemetry, to the console. For a collector replace <c>AddConsoleExporter</c> by
/// <c>AddOtlpExporter</c> of OpenTelemetry.Exporter.OpenTelemetryProtocol, and set OTEL_EXPORTER_OTLP_ENDPOINT.
/// </summary>
internal static class TelemetrySample
{
    private const string Name = "UffdActors";
    private const int Pages = 256;

    /// <summary>Runs the sample.</summary>
    /// <param name="world"><c>model</c>, or <c>live</c> for page faults of this machine's kernel.</param>
    /// <param name="output">Where the result is written.</param>
    public static Task RunAsync(string world, TextWriter output) =>
        RunAsync(world, output, traces => traces.AddConsoleExporter(), metrics => metrics.AddConsoleExporter());

    /// <summary>The same with other exporters.</summary>
    /// <param name="world">The world.</param>
    /// <param name="output">Where the result is written.</param>
    /// <param name="traceTo">Adds the exporter of traces.</param>
    /// <param name="measureTo">Adds the exporter of metrics.</param>
    public static async Task RunAsync(
        string world, TextWriter output, Action<TracerProviderBuilder> traceTo, Action<MeterProviderBuilder> measureTo)
    {
        TracerProviderBuilder tracing = Sdk.CreateTracerProviderBuilder().AddSource(Name);
        MeterProviderBuilder metering = Sdk.CreateMeterProviderBuilder().AddMeter(Name);
        traceTo(tracing);
        measureTo(metering);
        using TracerProvider traces = tracing.Build();
        using MeterProvider metrics = metering.Build();
        using GuestImage image = GuestImage.Make(Pages * 4096, seed: 1);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(world));
        PostCopyReport report = await new PostCopyMigration(
            runtime, new PostCopyOptions { Image = image, Vcpus = 1, Accesses = 2_000 }).RunAsync();
        // Counters are read from the VM while it is there; those of a long-lived one are collected every minute.
        _ = metrics.ForceFlush();
        _ = traces.ForceFlush();
        await output.WriteLineAsync($"telemetry: {report.Pages} pages, {(report.Verified ? "verified" : "NOT VERIFIED")}");
    }
}
