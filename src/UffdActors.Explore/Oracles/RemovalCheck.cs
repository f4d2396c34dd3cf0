using System.Runtime.InteropServices;
using UffdActors.Abi;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Worlds;
using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end of a run: what is said of a page that the guest has given back is what whoever copies it may rely on. Removed ones hold
/// zeros, and those that are said to be the source's hold its bytes. For scenarios in which threads touch and give back, and nothing else.
/// </summary>
internal sealed class RemovalCheck(ExploreWorld world, RunWorld run)
{
    private readonly bool _isPlain = world.Scenario.Threads.All(t => t.Actions.All(
        a => a.Kind is ActionKind.Read or ActionKind.Write or ActionKind.DontNeed or ActionKind.Remove or ActionKind.Wake));

    /// <summary>What is wrong with what is said of a page; null if it is right, or nothing is known.</summary>
    public string? WrongOf(int region, int page, Entry entry)
    {
        RegisterModes modes = world.Scenario.Contexts.SelectMany(c => c.Registered).Where(r => r.Region == region)
            .Aggregate(RegisterModes.None, (all, r) => all | r.Modes);
        if (!_isPlain || (modes & RegisterModes.Missing) == 0 || run.Pages[region] is not { } pages) return null;
        long basePage = (long)page * world.Layout.UnitPages;
        if (!pages.IsRemoved(basePage) || pages.StateOf(basePage) != PageState.Removed) return null;
        RemovalTerms terms = new(
            world.Scenario.Regions[region].Memory != MemoryKind.Anonymous, RaisesMissing: true, (modes & RegisterModes.Minor) != 0,
            (modes & RegisterModes.WriteProtect) != 0, world.Layout.UnitPages);
        ulong? word = WordOf(run.Files[region], page, entry);
        PageLook look = new(
            entry.IsPresent, entry.IsWp || entry.Kind == EntryKind.WpMarker,
            word is null ? SeenContent.None : word == 0 ? SeenContent.Zeros : SeenContent.Bytes);
        PageState state = world.Parts.NewRemovedPages(pages, terms, _ => look).StateOf(basePage);
        bool hasMark = terms.IsWatched || !MayOnlyLeaveTheMapping(region, page);
        bool isRight = state switch
        {
            PageState.Removed => word is null or 0,
            PageState.FromSource => !hasMark || word == world.Content.OfSource(region, page),
            _ => true,
        };
        return isRight ? null : $"is told to be {state}, and holds {Worlds.PageContent.Describe(word ?? 0)}";
    }

    // Whoever writes to such a page is not seen where writes are not watched.
    private bool MayOnlyLeaveTheMapping(int region, int page) => world.Scenario.Threads.Any(t => t.Actions.Any(
        a => a.Kind == ActionKind.DontNeed && a.Region == region && page >= a.Page && page < a.Page + a.Count));

    private ulong? WordOf(MemoryFile? file, int page, Entry entry)
    {
        if (entry.Kind == EntryKind.Zero) return 0;
        bool isMapped = entry.Kind is EntryKind.Anon or EntryKind.File;
        if (!isMapped && file?.SlotAt(page) is not { IsPresent: true }) return null;
        ulong word = 0;
        world.Folios.CopyOut(
            isMapped ? entry.Folio : file!.SlotAt(page).Folio, 0, MemoryMarshal.AsBytes(new Span<ulong>(ref word)));
        return word;
    }
}
