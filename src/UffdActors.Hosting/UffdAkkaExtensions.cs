using Akka.Configuration;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace UffdActors.Hosting;

/// <summary>The runtime in the actor system of Akka.Hosting.</summary>
/// <example>
/// <code>
/// builder.Services.AddUffd();
/// builder.Services.AddAkka("host", akka => akka.WithUffd(options => options.World = "live"));
/// </code>
/// </example>
public static class UffdAkkaExtensions
{
    /// <summary>
    /// Gives the actor system the runtime's settings, over what its own configuration says. The services are those of
    /// <see cref="UffdServiceCollectionExtensions.AddUffd(IServiceCollection)"/>.
    /// </summary>
    /// <param name="builder">The actor system's builder.</param>
    /// <param name="world">What VMs run on: <c>model</c> or <c>live</c>; null for what the configuration says.</param>
    public static AkkaConfigurationBuilder WithUffd(this AkkaConfigurationBuilder builder, string? world = null) =>
        builder.WithUffd(new UffdOptions { World = world });

    /// <summary>The same, with options set in code.</summary>
    public static AkkaConfigurationBuilder WithUffd(this AkkaConfigurationBuilder builder, Action<UffdOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        UffdOptions options = new();
        configure(options);
        return builder.WithUffd(options);
    }

    /// <summary>The same, with options.</summary>
    /// <exception cref="UffdConfigurationException">An option means nothing; the message names the key.</exception>
    public static AkkaConfigurationBuilder WithUffd(this AkkaConfigurationBuilder builder, UffdOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        Config set = options.ToConfig();
        _ = UffdSettings.Load(set);
        return builder.AddHocon(set, HoconAddMode.Prepend);
    }
}
