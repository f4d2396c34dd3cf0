namespace UffdActors.Bench;

/// <summary>What one repeat of one row measured.</summary>
/// <param name="One">One VM alone.</param>
/// <param name="AllocatedBytes">Managed bytes that all threads allocated meanwhile.</param>
/// <param name="Cpu">CPU time of all threads meanwhile.</param>
/// <param name="Empty">The empty ring.</param>
/// <param name="EmptyCpu">CPU time of all threads meanwhile.</param>
/// <param name="Vms">VMs side by side in this process, if asked for.</param>
/// <param name="Processes">Processes side by side, if asked for.</param>
internal sealed record RepeatSample(
    FaultRun One, long AllocatedBytes, TimeSpan Cpu, HopRun Empty, TimeSpan EmptyCpu, FaultRun? Vms = null, FaultRun? Processes = null);
