using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using UffdActors.Hosting;
using UffdActors.PostCopy;

namespace UffdActors.Samples;

/// <summary>A .NET host with a VM as a service: it is there when the host has started, and gone when it has stopped.</summary>
internal static class HostedSample
{
    private const long Bytes = 4 << 20;

    /// <summary>Runs the sample.</summary>
    /// <param name="world"><c>model</c>, or <c>live</c> for page faults of this machine's kernel.</param>
    /// <param name="output">Where the result is written.</param>
    public static async Task RunAsync(string world, TextWriter output)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Services.AddSingleton(_ => GuestImage.Make(Bytes, seed: 1));
        _ = builder.Services.AddSingleton<IPageSource>(services => new ImageSource(services.GetRequiredService<GuestImage>()));
        _ = builder.Services.AddUffd(options => options.World = world);
        _ = builder.Services.AddUffdVm("guest", _ => new VmOptions { MemoryPages = Bytes / 4096 }, SetUpAsync);
        _ = builder.Services.AddHealthChecks().AddUffd();
        using IHost host = builder.Build();
        await host.StartAsync();

        UffdVm guest = host.Services.GetRequiredService<UffdVms>()["guest"];
        VcpuGroup vcpus = await guest.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Zipf, Bytes / 4096, 1_000, 0.3, 1, 0, 1)]);
        await vcpus.WaitAsync();
        HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        await output.WriteLineAsync($"hosted: {vcpus.Accesses} accesses, {health.Status}");
        await host.StopAsync();
    }

    private static async Task SetUpAsync(UffdVm vm, IServiceProvider services, CancellationToken cancel)
    {
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Bytes / 4096 }, cancel);
        Userfault uffd = await vm.OpenAsync(cancellationToken: cancel);
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing, cancel);
        await uffd.ServeAsync(new ServeOptions { Source = services.GetRequiredService<IPageSource>() }, cancel);
    }
}
