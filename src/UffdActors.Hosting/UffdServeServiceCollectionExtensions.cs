using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using UffdActors.Serve;

namespace UffdActors.Hosting;

/// <summary>The daemon for VMMs of others (<c>uffd serve --config</c>) as a service of a .NET host.</summary>
/// <example>
/// <code>
/// HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
/// builder.Services.AddUffdServe("/etc/uffd/main.conf");
/// builder.Services.AddHealthChecks().AddUffdServe();
/// await builder.Build().RunAsync();
/// </code>
/// </example>
public static class UffdServeServiceCollectionExtensions
{
    // Of the package Microsoft.Extensions.Hosting.Systemd, to which there is no reference: a host that adds it tells the service manager
    // that it is ready when all of its services have started.
    private const string OtherNotifier = "Microsoft.Extensions.Hosting.Systemd.ISystemdNotifier";

    /// <summary>Adds the daemon that a file of the command's configures, with the runtime's settings of that file.</summary>
    /// <param name="services">The services.</param>
    /// <param name="file">The file (HOCON; <c>uffd serve --help</c>).</param>
    /// <exception cref="ServeException">It cannot be read, or means nothing.</exception>
    public static IServiceCollection AddUffdServe(this IServiceCollection services, string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        DaemonConfig config = DaemonConfig.Read(file);
        return services.AddUffd(options => options.Hocon = config.Runtime.Root?.ToString()).AddUffdServe(_ => config.Options);
    }

    /// <summary>
    /// Adds the daemon, and the runtime of the live world if there is none. It serves once the host has started; when the host stops, it
    /// ends before the runtime, and its guests are left to the next one with its state folder. What happens is logged; an observer of the
    /// options is told of it too. The service manager hears from the daemon that it is ready and well, and keeps its descriptors, as of the
    /// command; if the host has AddSystemd, that one says when it is ready.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="options">Control socket, state folder and sessions.</param>
    public static IServiceCollection AddUffdServe(this IServiceCollection services, Func<IServiceProvider, DaemonOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        _ = services.AddUffd(o => o.World = "live");
        services.TryAddSingleton(provider => new HostedServeDaemon(provider, options, HasOtherNotifier(services)));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, UffdServeService>());
        return services;
    }

    private static bool HasOtherNotifier(IServiceCollection services) => services.Any(s => s.ServiceType.FullName == OtherNotifier);
}
