using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// When the process has ended, no page that was not there before counts as received, and one incident for each userfaultfd reports the end.
/// </summary>
internal sealed class ProcessEndOracle(RunRecord record) : Oracle(record)
{
    private readonly HashSet<UserfaultContext> _refused = [];
    private uint _everThere;

    /// <inheritdoc />
    public override void Begin()
    {
        for (int i = 0; i < Record.Entries.Length; i++)
        {
            if (Record.Entries[i].IsPresent) NoteThere(i);
        }
    }

    /// <inheritdoc />
    public override void OnPage(int index, Entry before, Entry now, int step)
    {
        if (now.IsPresent) NoteThere(index);
    }

    /// <inheritdoc />
    public override void AfterStep(int step, bool hasChanged)
    {
        if (Scene.Mm.IsAlive)
        {
            NoteCached();
            return;
        }

        if (Host.Order.Message is Fill { Stopped: Errno.ESRCH, IsFinished: true } fill and IPageFill) _ = _refused.Add(fill.Context);
        for (int i = 0; i < Scene.PageCount; i++)
        {
            (int region, int page) = Scene.Places[i];
            int basePage = Scene.BasePageOf(page);
            // A removed page counts as zeros without a fill.
            bool isRemoved = Scene.Service.Pages[region]?.IsRemoved(basePage) == true;
            if ((_everThere & (1u << i)) == 0 && Scene.Service.Received[region]?.Contains(basePage) == true && !isRemoved)
                Fail("received-after-the-end",
                    $"{Scene.NameOf(i)} counts as received, and its process had ended before it was filled", step);
        }
    }

    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        if (Scene.Mm.IsAlive) return;
        int told = Record.Incidents.Count(IncidentKind.OwnerGone);
        if (told < _refused.Count || told > Scene.Service.Readers.Count(r => r is not null))
            Fail("owner-gone-is-told",
                $"{_refused.Count} userfaultfds were refused because the process has ended, and {told} incidents report it", step);
    }

    // A page that is only in the file gives EEXIST for a fill, and that counts although the page may be removed before the process ends.
    private void NoteCached()
    {
        for (int i = 0; i < Scene.PageCount; i++)
        {
            (int region, int page) = Scene.Places[i];
            if ((_everThere & (1u << i)) == 0 && Scene.Files[region]?.SlotAt(page).IsPresent == true) NoteThere(i);
        }
    }

    // What is moved counts at both places: it is filled at one, and its fill may have been decided for the other.
    private void NoteThere(int index)
    {
        if ((_everThere & (1u << index)) != 0) return;
        _everThere |= 1u << index;
        foreach (int other in Origins.RemappedWith(index)) NoteThere(other);
    }
}
