using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end: the state that the runtime reports for a page that the guest has freed is right for a copy of the guest's memory: a page
/// reported as removed holds zeros, one reported as the source's holds the source's bytes. Checked in scenarios in which threads only touch
/// pages and free them.
/// </summary>
internal sealed class RemovalOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        if (!Scenario.OnlyTouchesAndGivesBack) return;
        for (int i = 0; i < Scene.PageCount; i++)
        {
            if (WrongOf(i, Scene.Places[i].Region, Scene.Places[i].Page) is { } wrong)
                Fail("removed-pages", $"{Scene.NameOf(i)} {wrong}", step);
        }
    }

    // What is wrong with the reported state of a page; null if it is right or cannot be judged.
    private string? WrongOf(int index, int region, int page)
    {
        RegisterModes modes = Scenario.Contexts.SelectMany(c => c.Registered).Where(r => r.Region == region)
            .Aggregate(RegisterModes.None, (all, r) => all | r.Modes);
        if ((modes & RegisterModes.Missing) == 0 || Scene.Service.Pages[region] is not { } pages) return null;
        long basePage = Scene.BasePageOf(page);
        if (!pages.IsRemoved(basePage) || pages.StateOf(basePage) != PageState.Removed) return null;
        RemovalTerms terms = new(
            Scenario.Regions[region].Memory != MemoryKind.Anonymous, RaisesMissing: true, (modes & RegisterModes.Minor) != 0,
            (modes & RegisterModes.WriteProtect) != 0, Scene.Layout.UnitPages);
        ulong? word = Scene.WordAt(index);
        PageLook look = Scene.LookAt(index);
        PageState state = Host.Parts.NewRemovedPages(pages, terms, _ => look).StateOf(basePage);
        bool hasMark = terms.IsWatched || !MayOnlyLeaveTheMapping(region, page);
        bool isRight = state switch
        {
            PageState.Removed => word is null or 0,
            PageState.FromSource => !hasMark || word == Host.Content.OfSource(region, page),
            _ => true,
        };
        return isRight ? null : $"is reported as {state}, and holds {PageContent.Describe(word ?? 0)}";
    }

    // Where writes are not tracked, a write to such a page is not noticed.
    private bool MayOnlyLeaveTheMapping(int region, int page) =>
        Scenario.Threads.Any(t => t.Actions.Any(a => a.Kind == ActionKind.DontNeed && a.Covers(region, page)));
}
