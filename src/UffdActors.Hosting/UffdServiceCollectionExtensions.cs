using Akka.Actor;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace UffdActors.Hosting;

/// <summary>The runtime as a service of a .NET host.</summary>
/// <example>
/// <code>
/// builder.Services.AddUffd(builder.Configuration.GetSection(UffdOptions.Section));
/// builder.Services.AddUffdVm("guest", _ => new VmOptions { MemoryPages = 65536 }, SetUpAsync);
/// builder.Services.AddHealthChecks().AddUffd();
/// </code>
/// </example>
public static class UffdServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="UffdRuntime"/> and <see cref="UffdVms"/>. The runtime lives in the host's <see cref="ActorSystem"/> if it has one
    /// (Akka.Hosting; then the settings are those of <c>WithUffd</c>), else in one of its own. When the host stops, the VMs are disposed
    /// of, and then the runtime.
    /// </summary>
    public static IServiceCollection AddUffd(this IServiceCollection services) => services.AddUffd(static _ => { });

    /// <summary>The same, with settings from a section of the configuration; the host does not start if one is not valid.</summary>
    public static IServiceCollection AddUffd(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        _ = services.AddOptions<UffdOptions>().Bind(section, binder => binder.ErrorOnUnknownConfiguration = true);
        return services.AddUffd();
    }

    /// <summary>The same, with settings in code; they win over those of a section.</summary>
    public static IServiceCollection AddUffd(this IServiceCollection services, Action<UffdOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        _ = services.AddOptions<UffdOptions>().PostConfigure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<UffdOptions>, UffdOptionsValidation>());
        services.TryAddSingleton(static provider => provider.GetService<ActorSystem>() is { } system
            ? UffdRuntime.Borrow(system)
            : UffdRuntime.Start(provider.GetRequiredService<IOptions<UffdOptions>>().Value.ToConfig()));
        services.TryAddSingleton<UffdVms>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, UffdHostedService>());
        return services;
    }

    /// <summary>Adds a VM that is made and set up when the host starts, before it has started, and is found by its name.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">What it is called in <see cref="UffdVms"/>.</param>
    /// <param name="options">What it is made of.</param>
    /// <param name="setUp">Maps its memory and serves it; if it throws, the host does not start.</param>
    public static IServiceCollection AddUffdVm(
        this IServiceCollection services, string name, Func<IServiceProvider, VmOptions> options,
        Func<UffdVm, IServiceProvider, CancellationToken, Task> setUp)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(setUp);
        return services.AddUffd().AddSingleton(new DeclaredVm(name, options, setUp));
    }
}
