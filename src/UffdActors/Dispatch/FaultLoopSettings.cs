using Akka.Configuration;

namespace UffdActors.Dispatch;

/// <summary>Settings of a fault loop; the keys are explained in <c>hocon/reference.conf</c>.</summary>
internal sealed record FaultLoopSettings
{
    /// <summary>Runs after which the loop looks outside; at least 1.</summary>
    public int RunsPerRound { get; init; } = 64;

    /// <summary>Time after which it looks outside, if that comes first.</summary>
    public TimeSpan RoundTime { get; init; } = TimeSpan.FromMicroseconds(50);

    /// <summary>How long it looks for work before it sleeps.</summary>
    public TimeSpan BusyPoll { get; init; } = TimeSpan.Zero;

    /// <summary>CPU that the thread is bound to; null for any.</summary>
    public int? Cpu { get; init; }

    /// <summary>
    /// True for a loop that is started by another's thread and is not to share its CPU: it runs where the process's first thread may. Set
    /// by the runtime, not a key of the configuration's.
    /// </summary>
    public bool IsApart { get; init; }

    internal long RoundTimeNanoseconds => RoundTime.Ticks * TimeSpan.NanosecondsPerTick;

    internal long BusyPollNanoseconds => BusyPoll.Ticks * TimeSpan.NanosecondsPerTick;

    public static FaultLoopSettings From(Config config)
    {
        int runs = config.GetInt("runs-per-round", 64);
        if (runs < 1) throw new ConfigurationException($"runs-per-round = {runs}: a fault loop needs at least 1.");
        int cpu = config.GetInt("cpu", -1);
        return new FaultLoopSettings
        {
            RunsPerRound = runs,
            RoundTime = TimeSpan.FromMicroseconds(config.GetLong("round-time-us", 50)),
            BusyPoll = TimeSpan.FromMicroseconds(config.GetLong("busy-poll-us", 0)),
            Cpu = cpu < 0 ? null : cpu,
            IsApart = config.GetBoolean("is-apart", false),
        };
    }
}
