namespace UffdActors.PostCopy;

/// <summary>
/// Where the threads of a migration run. A wake-up across CPUs costs more than a page: the threads that a fault waits for belong on the
/// guest's CPU, the background on another.
/// </summary>
/// <param name="UrgentCpu">CPU of the thread that reads the urgent lane; the fault loop and the vCPUs have settings of their own.</param>
/// <param name="BackgroundCpu">CPU of the threads of the background lanes.</param>
public sealed record MigrationPlacement(int UrgentCpu, int BackgroundCpu);
