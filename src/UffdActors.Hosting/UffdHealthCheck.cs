using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UffdActors.Hosting;

/// <summary>Unhealthy if a VM has failed, degraded while one is in trouble. Asks no VM, so it waits for none.</summary>
internal sealed class UffdHealthCheck(UffdVms vms) : IHealthCheck
{
    /// <inheritdoc />
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        (string Name, bool HasFailed, string Message)[] troubles = [.. vms.Troubles()];
        if (troubles.Length == 0) return Task.FromResult(HealthCheckResult.Healthy($"{vms.Names.Count} VMs"));
        HealthStatus status = troubles.Any(t => t.HasFailed) ? context.Registration.FailureStatus : HealthStatus.Degraded;
        return Task.FromResult(new HealthCheckResult(status, string.Join("; ", troubles.Select(t => $"VM {t.Name}: {t.Message}"))));
    }
}
