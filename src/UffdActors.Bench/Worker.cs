using System.Text.Json;

namespace UffdActors.Bench;

/// <summary>The worker's side of <see cref="WorkerProcesses"/>.</summary>
internal static class Worker
{
    internal const string Go = "go";

    /// <summary>Serves runs until its input ends: an order, "ready" in answer, "go", and the result in answer.</summary>
    public static async Task ServeAsync(TextReader input, TextWriter output, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        while (await input.ReadLineAsync(cancel) is { } line)
        {
            WorkerOrder order = JsonSerializer.Deserialize<WorkerOrder>(line)
                ?? throw new BenchException("A worker was given an empty order.");
            FaultBenchOptions options = new()
            {
                Dispatchers = [order.Dispatcher],
                Vcpus = [order.Vcpus],
                Content = order.Content,
                Mode = order.Mode,
                Pages = order.Pages,
                Config = order.Hocon is { } hocon ? Akka.Configuration.ConfigurationFactory.ParseString(hocon) : null,
            };
            options.Validate();
            using IPageSource source = FaultBench.NewSource(options);
            FaultRun? run = await FaultBench.WithRuntimeAsync(order.Dispatcher, options.Config, async runtime =>
            {
                await using BenchGuest guest = await BenchGuest.PrepareAsync(runtime, options, order.Vcpus, order.Cpu, source, cancel);
                GC.Collect();
                await output.WriteLineAsync("ready");
                await output.FlushAsync(cancel);
                return await input.ReadLineAsync(cancel) == Go ? await guest.RunAsync(check: false, cancel) : (FaultRun?)null;
            });
            if (run is not { } measured) return;
            await output.WriteLineAsync(JsonSerializer.Serialize(measured));
            await output.FlushAsync(cancel);
        }
    }
}
