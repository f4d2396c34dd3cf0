using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Faults;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// What must hold when a turn of an address space, a VMA, a context or a backend ends in an exception (RING F2): none of them is
/// restarted, every actor stops, every waiting call fails, the incident shows the state, and no page changes any more.
/// </summary>
internal sealed class FailClosed(RunRecord record)
{
    private const string Invariant = "fails-closed";

    /// <summary>Runs the VM until nothing is runnable, and checks.</summary>
    /// <param name="taken">
    /// The calls that actors had begun. Others fail with the VM itself.
    /// </param>
    /// <param name="step">The latest step.</param>
    public void Check(IEnumerable<TaskCompletionSource<Operation>> taken, int step)
    {
        Entry[] before = [.. Enumerable.Range(0, record.Scene.PageCount).Select(record.Scene.EntryOf)];
        record.Host.Loop.Policy = new FifoPolicy();
        record.Host.Loop.RunUntilQuiet();
        while (record.Host.Loop.FireNextTimer()) record.Host.Loop.RunUntilQuiet();
        if (record.Host.Failure is not OwnerCrashException)
        {
            string with = record.Host.Failure is { } failure ? ForeignText.Of(failure) : "nothing";
            record.Fail(Invariant, $"the VM failed with {with}, and not with the injected exception", step);
        }

        for (int i = 0; i < before.Length; i++)
        {
            Entry now = record.Scene.EntryOf(i);
            if (now != before[i])
                record.Fail(
                    Invariant, $"{record.Scene.NameOf(i)} changed from {before[i].Kind} to {now.Kind} after the VM had failed", step);
        }

        foreach (Task<Operation> call in taken.Select(call => call.Task))
        {
            if (call.IsCompletedSuccessfully || call.Exception?.InnerException is VmFailedException) continue;
            record.Fail(Invariant, "a thread waits for a call of a VM that has failed, and the call does not fail", step);
        }

        if (!record.Incidents.All.Any(
            incident => incident is { Kind: IncidentKind.VmFailed, State.Length: > 0, Exception: OwnerCrashException }))
            record.Fail(Invariant, "no incident reports the failure of the VM with its cause and state", step);
    }
}
