using Akka.Actor;

namespace UffdActors.Dispatch;

/// <summary>
/// Starts the timers of an actor system before anything needs one. Akka 1.5.74 starts them with the first timer, and blocks its setter
/// until a thread of the pool has begun to run them. Where the first timers are those of the shutdown, threads of the pool block for a
/// thread of the pool: three systems that ended at the same time on two CPUs took 28 s.
/// </summary>
internal static class SchedulerStart
{
    /// <summary>Starts them from a thread that is not the pool's, and does not wait.</summary>
    /// <returns>That thread.</returns>
    public static Thread Begin(ActorSystem system)
    {
#pragma warning disable RS0030 // It is started here, and used by Akka alone.
        IActionScheduler scheduler = system.Scheduler.Advanced;
#pragma warning restore RS0030 // It is started.
        Thread thread = new(() => Start(scheduler)) { IsBackground = true, Name = "uffd-timers" };
        thread.Start();
        return thread;
    }

    private static void Start(IActionScheduler scheduler)
    {
        try
        {
            scheduler.ScheduleOnce(TimeSpan.Zero, static () => { });
        }
        catch (SchedulerException)
        {
            // The system has ended before this thread had a CPU: its timers are not needed any more.
        }
    }
}
