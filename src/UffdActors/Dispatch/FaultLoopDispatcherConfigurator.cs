using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;

namespace UffdActors.Dispatch;

/// <summary>Makes the dispatcher of a fault loop; named in HOCON as the <c>type</c> of a dispatcher.</summary>
internal sealed class FaultLoopDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly FaultLoopDispatcher _dispatcher;

    /// <summary>Called by Akka.</summary>
    public FaultLoopDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
        ArgumentNullException.ThrowIfNull(config);
        // Of several loops with one section of the configuration, each has a name of its own.
        string id = config.GetString("name", config.GetString("id", "fault-loop"));
        FaultLoop loop = NewLoop(id, config, prerequisites);
        _dispatcher = new FaultLoopDispatcher(this, id, config, loop);
        RingTimes.Of(prerequisites.Settings.System).Add(id, loop);
    }

    /// <inheritdoc />
    public override MessageDispatcher Dispatcher() => _dispatcher;

    /// <summary>Makes a loop.</summary>
    public static FaultLoop NewLoop(string name, Config config, IDispatcherPrerequisites prerequisites) => new(
        name, FaultLoopSettings.From(config),
        e => prerequisites.EventStream.Publish(new Error(e, name, typeof(FaultLoop), $"An exception left a run on {name}.")),
        WaiterOf(config));

    private static LoopWaiter? WaiterOf(Config config)
    {
        string name = config.GetString("waiter", "");
        if (name.Length == 0) return null;
        return Type.GetType(name) is { } type && type.IsAssignableTo(typeof(LoopWaiter))
            ? (LoopWaiter)Activator.CreateInstance(type)!
            : throw new ConfigurationException($"waiter = {name}: there is no such type; add the assembly that holds it to the program.");
    }
}
