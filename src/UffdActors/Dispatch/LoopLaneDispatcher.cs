using Akka.Configuration;
using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>Runs mailboxes in a <see cref="LoopLane"/>. Its loop ends with the runtime.</summary>
internal sealed class LoopLaneDispatcher : MessageDispatcher
{
    // Messages of a run at the most: each may be a fill, and the other VMs of the loop wait for the run.
    private const int MostThroughput = 8;

    private readonly LoopLane _lane;

    private LoopLaneDispatcher(MessageDispatcherConfigurator configurator, string id, Config config, LoopLane lane)
        : base(configurator)
    {
        Id = id;
        Throughput = Math.Min(config.GetInt("throughput", MostThroughput), MostThroughput);
        ShutdownTimeout = config.GetTimeSpan("shutdown-timeout", TimeSpan.FromSeconds(1));
        _lane = lane;
    }

    protected override void ExecuteTask(IRunnable run) => _lane.Execute(run);

    protected override void Shutdown()
    {
        // The lane is used again, and the loop has others.
    }

    /// <summary>Gives it to Akka.</summary>
    public sealed class Maker : MessageDispatcherConfigurator
    {
        private readonly LoopLaneDispatcher _dispatcher;

        public Maker(string id, Config config, IDispatcherPrerequisites prerequisites, LoopLane lane)
            : base(config, prerequisites) => _dispatcher = new LoopLaneDispatcher(this, id, config, lane);

        /// <inheritdoc />
        public override MessageDispatcher Dispatcher() => _dispatcher;
    }
}
