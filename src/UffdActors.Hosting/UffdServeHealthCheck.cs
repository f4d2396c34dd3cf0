using Microsoft.Extensions.Diagnostics.HealthChecks;
using UffdActors.Serve;

namespace UffdActors.Hosting;

/// <summary>Unhealthy while the daemon does not serve, or a guest sleeps because it cannot be served: it needs an operator.</summary>
internal sealed class UffdServeHealthCheck(HostedServeDaemon hosted) : IHealthCheck
{
    /// <inheritdoc />
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<SessionStatus> sessions;
        try
        {
            sessions = hosted.Daemon.List();
        }
        catch (InvalidOperationException e)
        {
            return Task.FromResult(new HealthCheckResult(context.Registration.FailureStatus, e.Message));
        }

        int asleep = sessions.Sum(s => s.Guests.Count(g => g.State is GuestState.Frozen or GuestState.Lost));
        return Task.FromResult(asleep == 0
            ? HealthCheckResult.Healthy($"{sessions.Sum(s => s.Guests.Count)} guests")
            : new HealthCheckResult(context.Registration.FailureStatus, $"{asleep} guests cannot be served on."));
    }
}
