using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UffdActors.Hosting;

/// <summary>The health of the runtime's VMs.</summary>
public static class UffdHealthCheckExtensions
{
    /// <summary>Adds a check: unhealthy if a VM has failed closed, degraded while a page source is away or pages are lost.</summary>
    /// <param name="builder">The checks of the host.</param>
    /// <param name="name">Its name.</param>
    /// <param name="tags">Its tags; null for <c>uffd</c> and <c>ready</c>.</param>
    public static IHealthChecksBuilder AddUffd(this IHealthChecksBuilder builder, string name = "uffd", IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddCheck<UffdHealthCheck>(name, HealthStatus.Unhealthy, tags ?? ["uffd", "ready"]);
    }

    /// <summary>Adds a check of the daemon: unhealthy while a guest sleeps because it cannot be served.</summary>
    /// <param name="builder">The checks of the host.</param>
    /// <param name="name">Its name.</param>
    /// <param name="tags">Its tags; null for <c>uffd</c> and <c>ready</c>.</param>
    public static IHealthChecksBuilder AddUffdServe(
        this IHealthChecksBuilder builder, string name = "uffd-serve", IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddCheck<UffdServeHealthCheck>(name, HealthStatus.Unhealthy, tags ?? ["uffd", "ready"]);
    }
}
