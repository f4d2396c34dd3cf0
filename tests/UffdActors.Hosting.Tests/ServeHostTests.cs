using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using UffdActors.Serve;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Hosting.Tests;

/// <summary>The daemon in a host: from its file, with the host's log and health, and ended before the runtime.</summary>
[Collection(nameof(OneRuntimeCollection))]
public sealed class ServeHostTests : IDisposable
{
    private const string NotifyVariable = "NOTIFY_SOCKET";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-host-");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(NotifyVariable, null);
        _folder.Delete(recursive: true);
    }

    [SkippableFact]
    public async Task A_daemon_serves_from_the_start_of_its_host_and_has_ended_before_the_runtime()
    {
        ThisKernel.Require();
        using LogLines log = new();
        using IHost host = Make(log);
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
        await host.StartAsync();

        Assert.Equal($"Serving at {Control}: sessions 1, guests of an earlier process 0", (await log.NextAsync(200)).Text);
        using (ControlClient client = await ControlClient.ConnectAsync(Control))
            Assert.Equal(1, (await client.StatusAsync()).Status!.Sessions);
        Assert.Equal("one", Assert.Single(host.Services.GetRequiredService<HostedServeDaemon>().Daemon.List()).Spec.Session);
        // The block of the runtime, too.
        UffdSettings settings = host.Services.GetRequiredService<UffdRuntime>().Settings;
        Assert.Equal(("live", TimeSpan.FromSeconds(7)), (settings.World, settings.SourcePatience));
        Assert.Equal(HealthStatus.Healthy, await HealthAsync(host));
        // Of what connects and hands over nothing.
        using (Socket stranger = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            await stranger.ConnectAsync(new UnixDomainSocketEndPoint(Of("vm")));
        Assert.Equal(LogLevel.Warning, (await log.NextAsync(212)).Level);

        await host.StopAsync();

        Assert.Equal("Guests left to the next daemon: 0", (await log.NextAsync(201)).Text);
        // Of the runtime.
        _ = await log.NextAsync(2);
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
        // The next one takes the state folder, which the first does not hold any more.
        using IHost next = Make(log);
        await next.StartAsync();
        await next.StopAsync();
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_service_manager_hears_once_that_the_service_is_ready(bool hasOther)
    {
        ThisKernel.Require();
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(Of("notify")));
        Environment.SetEnvironmentVariable(NotifyVariable, Of("notify"));
        using LogLines log = new();
        using IHost host = Make(log, services => hasOther ? services.AddSingleton<ISystemdNotifier, OtherNotifier>() : services);
        await host.StartAsync();
        await host.StopAsync();

        List<string> told = [];
        byte[] message = new byte[4096];
        while (manager.Available > 0) told.Add(Encoding.UTF8.GetString(message, 0, manager.Receive(message)));
        string[] expected = hasOther ? [] : ["READY=1\nSTATUS=serving", "STOPPING=1"];
        Assert.Equal(expected, told.Where(t => !t.StartsWith("FDSTORE", StringComparison.Ordinal)));
        Assert.Contains(told, t => t.StartsWith("FDSTORE=1", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_means_nothing_is_refused_before_the_host_is_built()
    {
        File.WriteAllText(Of("daemon.conf"), "serve { controll = x }");
        Assert.Contains(
            "controll", Assert.Throws<ServeException>(() => new ServiceCollection().AddUffdServe(Of("daemon.conf"))).Message,
            StringComparison.Ordinal);
    }

    private string Control => Of("control");

    private string Of(string name) => Path.Combine(_folder.FullName, name);

    private IHost Make(LogLines log, Func<IServiceCollection, IServiceCollection>? add = null)
    {
        File.WriteAllBytes(Of("memory"), new byte[1 << 20]);
        File.WriteAllText(
            Of("daemon.conf"),
            $$"""
            serve {
              control = {{Control}}
              state = {{Of("state")}}
              sessions { one { socket = {{Of("vm")}}, memory = {{Of("memory")}} } }
            }
            uffd.source-patience = 7s
            """);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Services.AddSingleton<ILoggerProvider>(log).AddUffdServe(Of("daemon.conf"));
        _ = builder.Services.AddHealthChecks().AddUffdServe();
        _ = add?.Invoke(builder.Services);
        return builder.Build();
    }

    private static async Task<HealthStatus> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["uffd-serve"].Status;

    private sealed class OtherNotifier : ISystemdNotifier;
}
