using UffdActors.Explore.Scenarios;
using UffdActors.Handling;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// A reader has at most one outstanding request for a page (RING R9), and counts each waiting thread once.
/// </summary>
internal sealed class RequestOracle(RunRecord record) : Oracle(record)
{
    private readonly HashSet<ulong> _addresses = [];

    /// <inheritdoc />
    public override void AfterStep(int step, bool hasChanged)
    {
        CheckMerging(step);
        CheckWaiters(step);
    }

    private void CheckMerging(int step)
    {
        foreach (FaultReader? reader in Scene.Service.Readers)
        {
            if (reader is null || reader.Outstanding < 2) continue;
            _addresses.Clear();
            foreach (PageRequest request in reader.OutstandingRequests())
            {
                if (!_addresses.Add(request.Address))
                    Fail("one-request", $"two requests are outstanding for {Scene.NameOf(request.Address)}", step);
            }
        }
    }

    // A thread waits for one page at a time, however often a signal makes it fault on it.
    private void CheckWaiters(int step)
    {
        for (int i = 0; i < Scene.Service.Readers.Length; i++)
        {
            if (Scene.Service.Readers[i] is not { } reader || (Scenario.Contexts[i].Features & UffdFeatures.ThreadId) == 0) continue;
            foreach (PageRequest request in reader.OutstandingRequests())
            {
                if (request.Waiters <= MostFaults(request)) continue;
                string counted = $"{request.Waiters} faults count for {Scene.NameOf(request.Address)}";
                Fail("faults-are-counted-once", $"{counted}, and there are {Scenario.Threads.Length} threads", step);
            }
        }
    }

    // A thread that is woken by another call than the request's own fill may raise another fault on the page: by a write, or because it is
    // protected.
    private int MostFaults(PageRequest request)
    {
        RegisterModes modes = Scenario.Contexts.SelectMany(c => c.Registered).Where(r => r.Region == request.Region.Id)
            .Aggregate(RegisterModes.None, (all, r) => all | r.Modes);
        bool isMoved = Scenario.Has(ActionKind.Mremap) || Scenario.Has(ActionKind.MremapKeep);
        return Scenario.Threads.Sum(t => t.Actions
            .Where(a => isMoved || a.Kind == ActionKind.CopyFrom
                || (a.Region == request.Region.Id && Scene.BasePageOf(a.Page) == request.Page))
            .Select(a => a.Kind).Distinct()
            .Count(k => k is ActionKind.Read or ActionKind.Write or ActionKind.CopyFrom)) * int.PopCount((int)modes);
    }
}
