using UffdActors.Explore.Scenarios;
using UffdActors.Model;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// What follows from a scenario's text for its pages: which userfaultfd serves each, the content of its first fill, which pages share a
/// history because mremap moves one to the other, and which pages cannot be judged. Pages are numbered over all regions.
/// </summary>
internal sealed class PageOrigins
{
    private readonly Scenario _scenario;
    private readonly PageContent _content;
    private readonly (int Region, int Page)[] _places;
    private readonly ThreadAction[] _actions;
    private readonly int[] _identity;
    private readonly (int From, int To)[] _remaps;
    private readonly bool[] _unsure;

    public PageOrigins(Scenario scenario, PageContent content)
    {
        _scenario = scenario;
        _content = content;
        _places = [.. scenario.Regions.SelectMany((r, i) => Enumerable.Range(0, r.Pages).Select(p => (i, p)))];
        _actions = [.. scenario.Threads.SelectMany(t => t.Actions)];
        _remaps = [.. _actions.Where(a => a.Kind is ActionKind.Mremap or ActionKind.MremapKeep)
            .SelectMany(a => Enumerable.Range(0, a.Count).Select(i => (FromOf(a, i), ToOf(a, i))))];
        _identity = [.. Enumerable.Range(0, _places.Length)];
        foreach ((int from, int to) in _remaps) _identity[to] = from;
        _unsure = Unsure();
    }

    /// <summary>The page whose history a page continues: the source of a remap, for its target; else the page itself.</summary>
    public int IdentityOf(int index) => _identity[index];

    /// <summary>The pages that some remap moves to this place, or this one to theirs.</summary>
    public IEnumerable<int> RemappedWith(int index) =>
        _remaps.Where(r => r.From == index || r.To == index).Select(r => r.From == index ? r.To : r.From);

    /// <summary>True if several values are right for the page, so that only the sequential kernel determines its content.</summary>
    public bool IsUnsure(int index) => _unsure[index];

    /// <summary>True if handlers write the page, or the one whose history it continues, through an alias.</summary>
    public bool IsAliased(int index) => _scenario.Regions[_places[_identity[index]].Region].Alias;

    /// <summary>The userfaultfd whose handlers may fill a page from the source; null if there is none.</summary>
    public ContextPlan? ServedBy(int index, RegisterModes by = RegisterModes.Missing | RegisterModes.Minor) =>
        _scenario.Contexts.FirstOrDefault(
            c => c.Handlers > 0 && (c.Registered.FirstOrDefault(r => r.Region == _places[index].Region).Modes & by) != 0);

    /// <summary>
    /// The userfaultfd whose handlers fill a page that has not been touched; null if there is none. A file that is populated through its
    /// alias has no missing page, and where MISSING is not registered an ordinary fault fills a hole with zeros.
    /// </summary>
    public ContextPlan? FilledBy(int index) =>
        ServedBy(index, _scenario.Regions[_places[index].Region].Alias ? RegisterModes.Minor : RegisterModes.Missing);

    /// <summary>Content of the first fill of a page.</summary>
    public ulong FirstContentOf(int index)
    {
        (int region, int page) = _places[index];
        if (FilledBy(index) is not null) return _content.OfSource(region, page);
        foreach (ThreadAction action in _scenario.Setup)
        {
            if (action.Kind == ActionKind.Write && action.Region == region && action.Page == page) return PageContent.OfWrite(0xFF, 0);
        }

        return 0;
    }

    // Pages that MOVE moves are never judged. One history covers both places of a remap, so either both are judged or neither.
    private bool[] Unsure()
    {
        bool[] result = new bool[_places.Length];
        AddRemapped(result);
        AddLeftBehind(result);
        AddCopiedAndAliased(result);
        foreach (ThreadAction action in _actions)
        {
            if (action.Kind != ActionKind.Move) continue;
            for (int i = 0; i < action.Count; i++) result[FromOf(action, i)] = result[ToOf(action, i)] = true;
        }

        for (int i = 0; i < result.Length; i++) result[_identity[i]] |= result[i];
        for (int i = 0; i < result.Length; i++) result[i] |= result[_identity[i]];
        return result;
    }

    // A place that is moved to twice, or moved from and to, or that had content of its own before, has no single history.
    private void AddRemapped(bool[] result)
    {
        int[] moves = new int[_places.Length];
        foreach (ThreadAction action in _actions.Where(a => a.Kind is ActionKind.Mremap or ActionKind.MremapKeep))
        {
            for (int i = 0; i < action.Count; i++)
            {
                int from = FromOf(action, i);
                int to = ToOf(action, i);
                result[from] |= ++moves[from] > 1 || from == to || _scenario.Regions[action.OtherRegion].Memory != MemoryKind.Nothing;
                result[to] |= ++moves[to] > 1;
            }
        }
    }

    // MREMAP_DONTUNMAP leaves an empty page behind. It becomes a page of its own as soon as a call or an ordinary fault fills it; and a
    // write, before or after, is visible at one of the two places only.
    private void AddLeftBehind(bool[] result)
    {
        foreach (ThreadAction kept in _actions.Where(a => a.Kind == ActionKind.MremapKeep))
        {
            bool isTouched = _actions.Any(a => a.Kind == ActionKind.Close
                || (a.Kind == ActionKind.Write && (a.Region == kept.Region || a.Region == kept.OtherRegion))
                || (a.Region == kept.Region && ThreadAction.HasRegion(a.Kind)
                    && a.Kind is not (ActionKind.Read or ActionKind.Peek or ActionKind.Munmap or ActionKind.MremapKeep)));
            for (int i = 0; isTouched && i < kept.Count; i++) result[FromOf(kept, i)] = true;
        }
    }

    // A copy from a page that threads change too may bring any of its values. A page that is mapped before its content has been written
    // through the alias (by CONTINUE of a thread, or because it is not registered any more) may show what was there before.
    private void AddCopiedAndAliased(bool[] result)
    {
        foreach (ThreadAction action in _actions)
        {
            // The page of an alias may have been moved to the place that the action names.
            bool isAliased = ThreadAction.HasCount(action.Kind)
                && Enumerable.Range(action.Page, action.Count).Any(p => IsAliased(_content.IndexOf(action.Region, p)));
            bool isUnsure = action.Kind switch
            {
                ActionKind.CopyFrom => Enumerable.Range(action.OtherPage, action.Count).Any(p => !IsPristine(action.OtherRegion, p)),
                ActionKind.Continue or ActionKind.Unregister => isAliased,
                ActionKind.Mremap or ActionKind.MremapKeep =>
                    isAliased && _scenario.Contexts.Any(c => (c.Features & UffdFeatures.EventRemap) == 0),
                // A child that no userfaultfd serves fills a hole of a file with zeros, for its parent too.
                ActionKind.ReadChild => _scenario.Regions[action.Region].Memory != MemoryKind.Anonymous
                    && !_scenario.Contexts.Any(c => (c.Features & UffdFeatures.EventFork) != 0
                        && c.Registered.Any(r => r.Region == action.Region)),
                // A hole that no COPY fills is written through the alias again, though a thread may have touched it meanwhile.
                ActionKind.Punch or ActionKind.Remove =>
                    _scenario.Regions[action.Region] is { Alias: true, Memory: MemoryKind.GuestMemfd }
                        && _scenario.Kernel.Shape == OpsShape.Seed,
                _ => false,
            };
            for (int i = 0; isUnsure && i < action.Count; i++) result[FromOf(action, i)] = true;
        }

        if (!_scenario.Has(ActionKind.Close)) return;
        for (int i = 0; i < result.Length; i++) result[i] |= _scenario.Regions[_places[i].Region].Alias;
    }

    // Only handlers fill it and no action changes it, so a read returns the source's content.
    private bool IsPristine(int region, int page)
    {
        return FilledBy(_content.IndexOf(region, page)) is not null && !_scenario.Setup.Concat(_actions).Any(Changes);

        bool Changes(ThreadAction action) => action.Kind switch
        {
            ActionKind.Close => true,
            ActionKind.Read or ActionKind.Copy or ActionKind.Wake or ActionKind.Protect or ActionKind.Unprotect or ActionKind.Fork => false,
            ActionKind.Mremap or ActionKind.Move => action.Covers(region, page) || action.CoversOther(region, page),
            _ => ThreadAction.HasRegion(action.Kind) && action.Covers(region, page),
        };
    }

    private int FromOf(ThreadAction action, int page) => _content.IndexOf(action.Region, action.Page + page);

    private int ToOf(ThreadAction action, int page) => _content.IndexOf(action.OtherRegion, action.OtherPage + page);
}
