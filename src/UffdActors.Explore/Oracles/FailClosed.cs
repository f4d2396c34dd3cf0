using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Worlds;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// What must hold when a turn of an address space, a VMA, a context or a backend ends in an exception (RING F2): none of them is
/// restarted, every actor stops, whoever waits for a call is told, the incident shows the state, and no page changes any more.
/// </summary>
internal sealed class FailClosed(ExploreWorld world, RunWorld run, RunOracle oracle)
{
    private const string Invariant = "fails-closed";

    /// <summary>Lets the VM come to rest, and looks.</summary>
    /// <param name="taken">
    /// The calls that actors had taken up. Those that had not come so far are told by the failure of the VM itself.
    /// </param>
    /// <param name="step">The latest step.</param>
    public void Check(IEnumerable<TaskCompletionSource<Operation>> taken, int step)
    {
        Entry[] before = [.. Enumerable.Range(0, run.PageCount).Select(run.EntryOf)];
        world.Loop.Policy = new FifoPolicy();
        world.Loop.RunUntilQuiet();
        while (world.Loop.FireNextTimer()) world.Loop.RunUntilQuiet();
        if (world.Failure is not OwnerCrashException)
            oracle.Fail(Invariant, $"the VM failed of {world.Failure?.Message}, and not of what was injected", step);
        for (int i = 0; i < before.Length; i++)
        {
            if (run.EntryOf(i) != before[i])
                oracle.Fail(
                    Invariant, $"{run.NameOf(i)} changed from {before[i].Kind} to {run.EntryOf(i).Kind} after the VM had failed", step);
        }

        foreach (Task<Operation> call in taken.Select(call => call.Task))
        {
            if (call.IsCompletedSuccessfully || call.Exception?.InnerException is VmFailedException) continue;
            oracle.Fail(Invariant, "a thread waits for a call of a VM that has failed, and nobody tells it", step);
        }

        if (!oracle.Incidents.All.Any(
            incident => incident is { Kind: IncidentKind.VmFailed, State.Length: > 0, Exception: OwnerCrashException }))
            oracle.Fail(Invariant, "no incident says that the VM has failed, of what, and in which state it was", step);
    }
}
