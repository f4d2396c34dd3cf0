using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;

namespace UffdActors.Dispatch.Stepping;

/// <summary>Makes the stepped dispatcher; named in HOCON as the <c>type</c> of every dispatcher of the system.</summary>
internal sealed class SteppedDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly SteppedDispatcher _dispatcher;

    /// <summary>Called by Akka.</summary>
    public SteppedDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
        ArgumentNullException.ThrowIfNull(config);
        ActorSystem system = prerequisites.Settings.System;
        string id = config.GetString("id", "stepped");
        SteppedLoop loop = SteppedLoops.Of(system).GetOrAdd();
        _dispatcher = new SteppedDispatcher(this, id, loop);
        RingTimes.Of(system).Add(id, loop);
    }

    /// <inheritdoc />
    public override MessageDispatcher Dispatcher() => _dispatcher;
}
