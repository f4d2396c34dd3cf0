namespace UffdActors.Bench;

/// <summary>Runs one VM in each of several processes at the same time.</summary>
internal interface IWorkerProcesses
{
    /// <summary>Runs them once.</summary>
    /// <param name="options">One dispatcher, one number of vCPUs, and how many processes.</param>
    /// <param name="cancel">Ends the processes.</param>
    /// <returns>All their faults, from the first to the last.</returns>
    internal Task<FaultRun?> RunAsync(FaultBenchOptions options, CancellationToken cancel);
}
