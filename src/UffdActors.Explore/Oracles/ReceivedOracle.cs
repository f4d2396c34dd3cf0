using UffdActors.Explore.Scenarios;
using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end: a page that counts as received is present, unless the guest freed it. Otherwise closing the userfaultfd would turn it into
/// zeros (RING L3).
/// </summary>
internal sealed class ReceivedOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        for (int i = 0; i < Scene.PageCount; i++)
        {
            (int region, int page) = Scene.Places[i];
            int basePage = Scene.BasePageOf(page);
            if (Scene.Service.Received[region]?.Contains(basePage) != true || Record.Entries[i].Kind != EntryKind.None
                || Scenario.Regions[region].Memory != MemoryKind.Anonymous) continue;
            long at = Scene.PageOf(i);
            foreach (FaultReader? reader in Scene.Service.Readers)
            {
                if (reader?.View.Find(at) is { } served && served.Id == region && served.PageOf(at) == basePage
                    && !reader.View.IsRemoved(at) && reader.Descriptor.IsRegistered(at) && !IsTakenWithoutEvent(i))
                    Fail("received", $"{Scene.NameOf(i)} counts as received, and is not there", step);
            }
        }
    }

    // Freed by a thread's call that raises no event.
    private bool IsTakenWithoutEvent(int index)
    {
        (int region, int page) = Scene.Places[index];
        bool isTold = (Origins.FilledBy(index)?.Features & UffdFeatures.EventRemove) != 0;
        bool isRemapTold = (Origins.FilledBy(index)?.Features & UffdFeatures.EventRemap) != 0;
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions))
        {
            bool isMoved = (action.Kind == ActionKind.Move && action.CoversOther(region, page))
                || (action.Kind == ActionKind.MremapKeep && !isRemapTold && action.Covers(region, page));
            bool isDropped = action.Kind is ActionKind.DontNeed && !isTold && action.Covers(region, page);
            if (isMoved || isDropped) return true;
        }

        return false;
    }
}
