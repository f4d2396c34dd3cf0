using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using UffdActors.Serve;

namespace UffdActors.Hosting;

/// <summary>The daemon of a host: to be asked, and told, what the command's control socket offers.</summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class HostedServeDaemon
{
    private readonly IServiceProvider _services;
    private readonly Func<IServiceProvider, DaemonOptions> _options;
    private readonly bool _isOtherReady;
    private ServeDaemon? _daemon;

    internal HostedServeDaemon(IServiceProvider services, Func<IServiceProvider, DaemonOptions> options, bool isOtherReady) =>
        (_services, _options, _isOtherReady) = (services, options, isOtherReady);

    /// <summary>The daemon.</summary>
    /// <exception cref="InvalidOperationException">The host has not started, or has stopped.</exception>
    public ServeDaemon Daemon => Volatile.Read(ref _daemon)
        ?? throw new InvalidOperationException("The daemon serves from the host's start to its stop.");

    /// <summary>Starts it.</summary>
    /// <exception cref="ServeException">It cannot; the message says what to do.</exception>
    internal async Task StartAsync()
    {
        ILogger logger = _services.GetRequiredService<ILogger<ServeDaemon>>();
        DaemonOptions options = _options(_services);
        Action<string, ServeEvent>? observer = options.Observer;
        Action<string>? log = options.Log;
        ServeDaemon daemon = await ServeDaemon.StartAsync(_services.GetRequiredService<UffdRuntime>(), options with
        {
            TellsReady = options.TellsReady && !_isOtherReady,
            Observer = (session, what) =>
            {
                UffdServeLog.Write(logger, session, what);
                observer?.Invoke(session, what);
            },
            Log = sentence =>
            {
                UffdServeLog.Told(logger, sentence);
                log?.Invoke(sentence);
            },
        });
        Volatile.Write(ref _daemon, daemon);
        DaemonStatus status = daemon.Status();
        UffdServeLog.Started(logger, daemon.Control, status.Sessions, status.TakenBack);
    }

    /// <summary>Ends it; its guests are left to the next one.</summary>
    internal async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _daemon, null) is not { } daemon) return;
        int left = daemon.Status().Guests;
        await daemon.DisposeAsync();
        UffdServeLog.Stopped(_services.GetRequiredService<ILogger<ServeDaemon>>(), left);
    }
}
