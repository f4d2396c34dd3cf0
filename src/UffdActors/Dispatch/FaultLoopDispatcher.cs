using Akka.Configuration;
using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>Runs mailboxes on a <see cref="FaultLoop"/>.</summary>
internal sealed class FaultLoopDispatcher : MessageDispatcher
{
    private readonly FaultLoop _loop;

    public FaultLoopDispatcher(MessageDispatcherConfigurator configurator, string id, Config config, FaultLoop loop)
        : base(configurator)
    {
        Id = id;
        Throughput = config.GetInt("throughput", 30);
        ShutdownTimeout = config.GetTimeSpan("shutdown-timeout", TimeSpan.FromSeconds(1));
        _loop = loop;
    }

    protected override void ExecuteTask(IRunnable run) => _loop.Execute(run);

    // Called from the scheduler's thread when the last actor has left, perhaps while a new one arrives.
    protected override void Shutdown() => _loop.Stop();
}
