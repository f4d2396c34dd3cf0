using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Userfaultfd;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end: the ranges and bitmaps that a reader keeps agree with its events, applied page by page (<see cref="PlainView"/>).
/// </summary>
internal sealed class ViewOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void OnPage(int index, Entry before, Entry now, int step)
    {
        if (!before.IsWp || now.IsWp || Host.Order.Message is not (IMonitorCall and WriteProtect clearing)) return;
        if (Scene.Service.PlainOf(clearing.On) is { } plain && plain.At(Scene.PageOf(index)) is { } place) plain.Give(place);
    }

    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        for (int context = 0; context < Scene.Service.Readers.Length; context++)
        {
            if (Scene.Service.Readers[context] is not { } reader) continue;
            if (Scene.Service.Plain[context] is not { IsOvertaken: false } plain) continue;
            CheckPaused(reader, plain, step);
            for (int i = 0; i < Scene.PageCount; i++) CheckPage(i, reader, plain, step);
        }
    }

    private void CheckPaused(FaultReader reader, PlainView plain, int step)
    {
        foreach (PageRequest request in reader.OutstandingRequests())
        {
            if (Scene.Mm.IsAlive && request.Phase == RequestPhase.Paused
                && plain.At(PageSize.PageOf(request.Address)) != (request.Region.Id, request.Page))
                Fail("nothing-waits-at-a-gone-place",
                    $"a request has paused at {Scene.NameOf(request.Address)} for {InWords((request.Region.Id, request.Page))}, which is "
                        + $"not there any more", step);
        }
    }

    private void CheckPage(int index, FaultReader reader, PlainView plain, int step)
    {
        long page = Scene.PageOf(index);
        ServedRegion? served = reader.View.Find(page);
        (int Region, long Page)? known = served is null ? null : (served.Id, served.PageOf(page));
        if (known != plain.At(page))
            Fail("view",
                $"the reader takes {Scene.NameOf(index)} for {InWords(known)}, and the events say that it is {InWords(plain.At(page))}",
                step);
        if (known is not { } place || Scene.Service.Pages[place.Region] is not { } pages) return;
        PageState state = pages.StateOf(place.Page);
        PageState expected = plain.IsGiven(place)
            ? PageState.Written
            : plain.IsRemoved(place)
                ? PageState.Removed
                : !pages.Received.Contains(place.Page) ? PageState.Absent : PageState.FromSource;
        bool isRight = state == expected || state == PageState.Written || (state == PageState.Zero && expected == PageState.FromSource)
            || (state == PageState.Poisoned && (expected == PageState.FromSource || Record.Entries[index].Kind == EntryKind.Poison));
        if (!isRight) Fail("page-states", $"{Scene.NameOf(index)} is reported as {state}, and it is {expected}", step);
    }

    private string InWords((int Region, long Page)? place) =>
        place is { } known ? $"{Scenario.Regions[known.Region].Name}:{known.Page / Scene.Layout.UnitPages}" : "no page";
}
