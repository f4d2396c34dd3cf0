namespace UffdActors.Linux.Native;

/// <summary>Scheduling.</summary>
internal static class Sched
{
    public const int SCHED_OTHER = 0;
    public const int SCHED_FIFO = 1;
}
