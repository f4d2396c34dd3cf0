using Akka.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace UffdActors.Hosting.Tests;

/// <summary>The runtime in a host: settings, VMs, what is logged, health, and the end.</summary>
[Collection(nameof(OneRuntimeCollection))]
public sealed class HostTests
{
    private const int Pages = 16;

    [Fact]
    public async Task Settings_come_from_the_configuration_and_those_in_code_win()
    {
        using IHost host = Make(
            services => services.AddUffd(Section(services)).AddUffd(options => options.PushChunkPages = 7),
            ("Uffd:Dispatcher", "uffd.parallel"), ("Uffd:SourcePatience", "00:00:07"), ("Uffd:PushChunkPages", "3"),
            ("Uffd:Hocon", "uffd { handler-crash-limit = 9, source-patience = 1s }"));
        await host.StartAsync();

        UffdSettings settings = host.Services.GetRequiredService<UffdRuntime>().Settings;

        Assert.Equal(
            ("uffd.parallel", TimeSpan.FromSeconds(7), 7, 9),
            (settings.Dispatcher, settings.SourcePatience, settings.PushChunkPages, settings.HandlerCrashLimit));
        await host.StopAsync();
    }

    [Theory]
    [InlineData("Uffd:World", "mars", "uffd.world")]
    [InlineData("Uffd:PushChunkPages", "0", "uffd.push-chunk-pages = 0: must be at least 1.")]
    [InlineData("Uffd:Dispatcher", "uffd.stepped", "a host runs on real threads")]
    [InlineData("Uffd:Dispatcher", "pool", "uffd.dispatcher = pool")]
    [InlineData("Uffd:Hocon", "uffd { wrold = live }", "wrold")]
    [InlineData("Uffd:Hocon", "x { a = ${x.b}, b = ${x.a} }", "its substitution leads back to itself")]
    public async Task A_setting_that_means_nothing_keeps_the_host_from_starting_and_is_named(string key, string value, string says)
    {
        using IHost host = Make(services => services.AddUffd(Section(services)), (key, value));

        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_there_is_not_is_refused()
    {
        using IHost host = Make(services => services.AddUffd(Section(services)), ("Uffd:Wrold", "live"));

        Assert.Contains(
            "Wrold", (await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_declared_vm_serves_when_the_host_has_started_and_ends_before_it_has_stopped()
    {
        using LogLines log = new();
        using IHost host = Make(services => services.AddSingleton<ILoggerProvider>(log).AddUffdVm("guest", Options, Serve(new(Pages))));
        await host.StartAsync();
        Assert.Equal("VM guest is there: model, seed", (await log.NextAsync(3)).Text);
        UffdVms vms = host.Services.GetRequiredService<UffdVms>();
        UffdVm vm = vms["guest"];

        VcpuGroup vcpus = await vm.StartVcpusAsync([Touch(0, Pages)]);
        await vcpus.WaitAsync();
        Assert.Equal(Pages, vcpus.Faults);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        await Assert.ThrowsAsync<ArgumentException>(() => vms.CreateAsync("guest", Options(host.Services)));

        await host.StopAsync();
        Assert.Equal("VM guest has been disposed of", (await log.NextAsync(4)).Text);
        Assert.Equal(2, (await log.NextAsync(2)).Id.Id);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.MapAsync(new RegionOptions { Pages = 1 }));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => host.Services.GetRequiredService<UffdRuntime>().CreateVmAsync(new VmOptions { MemoryPages = 1 }));
    }

    [Fact]
    public async Task An_incident_is_an_event_of_its_kind_and_degrades_the_health_of_its_vm()
    {
        using LogLines log = new();
        using IHost host = Make(
            services => services.AddSingleton<ILoggerProvider>(log).AddUffdVm("guest", Options, Serve(new(Pages, lost: 3))));
        await host.StartAsync();

        _ = await host.Services.GetRequiredService<UffdVms>()["guest"].StartVcpusAsync([Touch(0, Pages)]);
        (LogLevel level, EventId id, string text) = await log.NextAsync(100 + (int)IncidentKind.PageLost);

        Assert.Equal((LogLevel.Error, "PageLost"), (level, id.Name));
        Assert.StartsWith("VM guest: PageLost: ", text, StringComparison.Ordinal);
        HealthReportEntry health = await HealthAsync(host);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.StartsWith("VM guest: ", health.Description, StringComparison.Ordinal);
        await host.StopAsync();
    }

    [Fact]
    public void An_outage_counts_while_it_lasts_and_what_is_lost_for_good()
    {
        VmTrouble trouble = new();
        trouble.Note(new Incident(IncidentKind.HandlerCrashed, "crashed"));
        Assert.Null(trouble.Message);
        trouble.Note(new Incident(IncidentKind.PatienceOver, "away"));
        Assert.Equal("away", trouble.Message);
        trouble.Note(new Incident(IncidentKind.OutageEnded, "back"));
        Assert.Null(trouble.Message);
        trouble.Note(new Incident(IncidentKind.PageLost, "gone"));
        trouble.Note(new Incident(IncidentKind.OutageEnded, "back"));
        Assert.Equal("gone", trouble.Message);
    }

    [Theory]
    [InlineData("world")]
    [InlineData("configure")]
    [InlineData("options")]
    public async Task In_a_host_with_Akka_the_runtime_lives_in_its_actor_system_and_ends_before_it(string overload)
    {
        using IHost host = Make(services => services
            .AddUffdVm("guest", Options, Serve(new(Pages)))
            // Behind ours, so it is the first to be stopped.
            .AddAkka("host", akka => _ = overload switch
            {
                "world" => akka.WithUffd("model"),
                "configure" => akka.WithUffd(options => options.PushChunkPages = 5),
                _ => akka.WithUffd(new UffdOptions { PushChunkPages = 5 }),
            }));
        await host.StartAsync();
        UffdRuntime runtime = host.Services.GetRequiredService<UffdRuntime>();
        UffdVm vm = host.Services.GetRequiredService<UffdVms>()["guest"];

        Assert.Equal(overload == "world" ? 64 : 5, runtime.Settings.PushChunkPages);
        Assert.Equal("host", host.Services.GetRequiredService<Akka.Actor.ActorSystem>().Name);
        VcpuGroup vcpus = await vm.StartVcpusAsync([Touch(0, Pages)]);
        await vcpus.WaitAsync();
        Assert.Equal(Pages, vcpus.Faults);

        await host.StopAsync();
        Assert.False(vm.Failed.IsCompleted);
        Assert.True(host.Services.GetRequiredService<Akka.Actor.ActorSystem>().WhenTerminated.IsCompleted);
    }

    [Fact]
    public void An_option_that_means_nothing_is_refused_where_it_is_given() => Assert.Contains(
        "uffd.push-chunk-pages",
        Assert.Throws<UffdConfigurationException>(() =>
        {
            using IHost host = Make(services => services.AddAkka("host", akka => akka.WithUffd(new UffdOptions { PushChunkPages = 0 })));
            _ = host.Services.GetRequiredService<Akka.Actor.ActorSystem>();
        }).Message,
        StringComparison.Ordinal);

    private static IHost Make(Func<IServiceCollection, IServiceCollection> add, params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Configuration.AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value));
        _ = builder.Services.AddSingleton<IConfiguration>(builder.Configuration);
        _ = builder.Services.AddHealthChecks().AddUffd();
        _ = add(builder.Services);
        return builder.Build();
    }

    private static IConfigurationSection Section(IServiceCollection services) =>
        ((IConfiguration)services.Last(s => s.ImplementationInstance is IConfiguration).ImplementationInstance!)
            .GetSection(UffdOptions.Section);

    private static VmOptions Options(IServiceProvider services) => new() { MemoryPages = 64 };

    private static Func<UffdVm, IServiceProvider, CancellationToken, Task> Serve(LosingSource source) => async (vm, services, cancel) =>
    {
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages }, cancel);
        Userfault uffd = await vm.OpenAsync(cancellationToken: cancel);
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing, cancel);
        await uffd.ServeAsync(new ServeOptions { Source = source }, cancel);
    };

    private static SyntheticWorkload Touch(int vcpu, int pages) => new(WorkloadKind.Sequential, pages, pages, 0, 1, vcpu, 1);

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["uffd"];
}
