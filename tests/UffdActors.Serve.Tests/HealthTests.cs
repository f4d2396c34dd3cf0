using System.Text;
using System.Text.RegularExpressions;

namespace UffdActors.Serve.Tests;

/// <summary>What a supervisor and a collector of figures are told.</summary>
[Collection(ServeCollection.Name)]
public sealed class HealthTests(VmmPrograms programs)
{
    private static readonly Regex Line = new("^[a-z_]+([{][a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*[}])? [0-9.E+-]+$");

    [SkippableFact]
    public async Task It_is_well_until_a_guest_cannot_be_served_on_and_the_figures_say_what_came_by()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        using ControlClient client = await scene.ConnectAsync();
        _ = await client.CreateAsync(scene.Spec("a"));
        Assert.StartsWith("HTTP/1.1 200 OK", await scene.GetAsync("/healthz"), StringComparison.Ordinal);
        await using VmmProcess vmm = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "1", "waits");
        _ = await scene.UntilAsync("a 1 Began");
        string metrics = await scene.GetAsync("/metrics");
        Assert.Contains("Content-Type: text/plain; version=0.0.4", metrics, StringComparison.Ordinal);
        Assert.Contains("\nuffd_serve_guests{session=\"a\",state=\"serving\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("# TYPE uffd_faults_total counter", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(
            metrics.Split("\r\n\r\n")[1].TrimEnd('\n').Split('\n').Where(line => !line.StartsWith('#')),
            line => !Line.IsMatch(line));

        await File.AppendAllTextAsync(scene.Memory, "x");
        await vmm.GoOnAsync();
        _ = await scene.UntilAsync("a 1 Note The guest is frozen");
        Assert.StartsWith("HTTP/1.1 503", await scene.GetAsync("/healthz"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Guests_of_all_sessions_share_the_cache_of_the_daemon()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync(cacheBytes: ContentCache.MinBytes);
        using ControlClient client = await scene.ConnectAsync();
        foreach (string session in new[] { "a", "b" })
        {
            _ = await client.CreateAsync(scene.Spec(session));
            await using VmmProcess vmm = new(programs.Of("firecracker-1.16"), scene.Of(session), ServeScene.Bytes, "2");
            Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        }

        string metrics = await scene.GetAsync("/metrics");
        long chunks = ServeScene.Pages * 4096 / ContentCache.ChunkBytes;
        Assert.Contains($"\nuffd_serve_cache_fetches_total {chunks}\n", metrics, StringComparison.Ordinal);
        Assert.Contains("\n# TYPE uffd_serve_cache_held_bytes gauge\n", metrics, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("GET /else HTTP/1.1\r\n\r\n", "HTTP/1.1 404")]
    [InlineData("POST /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /healthz HTTP/1.1\r\n", "HTTP/1.1 400")]
    [InlineData("", "HTTP/1.1 400")]
    public async Task What_is_no_request_of_these_is_refused(string request, string answer)
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        Assert.StartsWith(answer, await scene.SayAsync(Encoding.ASCII.GetBytes(request), scene.Of("http")), StringComparison.Ordinal);
        byte[] endless = [.. Enumerable.Repeat((byte)'x', 9000)];
        Assert.StartsWith("HTTP/1.1 400", await scene.SayAsync(endless, scene.Of("http")), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("0.0.0.0:9440")]
    [InlineData("127.0.0.1")]
    [InlineData("unix:http")]
    public async Task It_is_answered_on_this_machine_alone(string where)
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        ServeException refused = await Assert.ThrowsAsync<ServeException>(() => ServeDaemon.StartAsync(
            runtime, new DaemonOptions { Control = scene.Of("other/control"), State = scene.Of("other/state"), Http = where }));
        Assert.StartsWith($"http = {where}:", refused.Message, StringComparison.Ordinal);
    }
}
