using Akka.Dispatch;

namespace UffdActors.Dispatch.Stepping;

/// <summary>Hands mailboxes to the <see cref="SteppedLoop"/>.</summary>
internal sealed class SteppedDispatcher : MessageDispatcher
{
    private readonly SteppedLoop _loop;

    public SteppedDispatcher(MessageDispatcherConfigurator configurator, string id, SteppedLoop loop)
        : base(configurator)
    {
        Id = id;
        Throughput = 1;
        _loop = loop;
    }

    protected override void ExecuteTask(IRunnable run) => _loop.Execute(run);

    protected override void Shutdown()
    {
    }
}
