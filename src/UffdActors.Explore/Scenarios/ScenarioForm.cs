using System.Collections.Immutable;
using System.Globalization;
using UffdActors.Explore.Faults;
using UffdActors.Model;

namespace UffdActors.Explore.Scenarios;

/// <summary>Makes a scenario from parsed text, and refuses invalid values with the line and the valid values.</summary>
/// <param name="name">Name of the scenario.</param>
/// <param name="bad">Makes the exception of a problem on a line.</param>
internal sealed class ScenarioForm(string name, Func<string, int, ScenarioException> bad)
{
    private const int MostPages = 16;
    private const int MostThreads = 8;
    private const int MostRegions = 8;
    private const int MostContexts = 4;
    private const int MostHandlers = 8;
    private const int MostPushWindow = 16;
    private const int MostMemory = 65_536;

    // Of 2 MiB; each exploring thread holds them twice, for the run and for the sequential reference.
    private const int MostHugePages = 64;

    // Every order of a page's events is searched (Oracles/PageHistory.cs).
    private const int MostOfOnePage = 28;

    private static readonly string[] ScenarioKeys =
        ["version", "summary", "kernel", "memory-pages", "must-finish", "regions", "contexts", "setup", "threads", "faults"];

    private static readonly string[] RegionKeys = ["pages", "memory", "alias", "zeros"];
    private static readonly string[] ContextKeys = ["features", "register", "handlers", "source-actor", "push", "push-window", "prefetch"];

    private string[] _regions = [];
    private string[] _contexts = [];

    /// <summary>The scenario.</summary>
    public Scenario Read(ScenarioNode root)
    {
        OnlyKnown(root, ScenarioKeys, "");
        if (Number(root, "version", ScenarioText.Version, 0, int.MaxValue) is var version && version != ScenarioText.Version)
            throw bad(
                $"version = {version} is not supported; this program understands version {ScenarioText.Version}",
                root.Keys!["version"].Line);
        ScenarioNode regions = Block(root, "regions");
        ScenarioNode contexts = Block(root, "contexts");
        ScenarioNode threads = Block(root, "threads");
        if (regions.Keys!.Count == 0 || threads.Keys!.Count == 0) throw bad("it needs at least one region and one thread", root.Line);
        _regions = Names(regions, MostRegions, "regions");
        _contexts = Names(contexts, MostContexts, "contexts");
        ImmutableArray<RegionPlan> plans = [.. _regions.Select(r => Region(r, regions.Keys[r]))];
        Scenario scenario = new()
        {
            Name = name,
            Summary = Word(root, "summary", ""),
            Kernel = Named(root, "kernel", "seed", [.. KernelProfile.All.Select(k => (k.Name, k))]),
            MemoryPages = Number(root, "memory-pages", 64, 1, MostMemory),
            MustFinish = Switch(root, "must-finish", true),
            Regions = plans,
            Contexts = [],
            Setup = [],
            Threads = [],
            Faults = [],
        };
        if (scenario.Pages > MostPages) throw bad($"the regions have {scenario.Pages} pages; {MostPages} are the most", regions.Line);
        if (plans.Any(p => p.Memory == MemoryKind.Hugetlb)
            && plans.FirstOrDefault(p => p.Memory is not (MemoryKind.Hugetlb or MemoryKind.Nothing)) is { } other)
            throw bad(
                $"region \"{other.Name}\" has base pages, and hugetlb has pages of 2 MiB: a scenario has pages of one size; give every "
                    + "region memory = hugetlb (or nothing), or none",
                regions.Keys[other.Name].Line);
        if (plans.Any(p => p.Memory == MemoryKind.Hugetlb) && scenario.MemoryPages > MostHugePages)
            throw bad(
                $"memory-pages = {scenario.MemoryPages}: of huge pages {MostHugePages} are the most", root.Keys!["memory-pages"].Line);
        scenario = scenario with { Contexts = [.. _contexts.Select(c => Context(c, contexts.Keys![c], scenario))] };
        scenario = scenario with
        {
            Setup = Actions(root, "setup", scenario),
            Threads = [.. Names(threads, MostThreads, "threads").Select(t => new ThreadPlan(t, Actions(threads, t, scenario)))],
            Faults = [
                .. Words(root, "faults").Select(f => Find(f, [.. FaultPoints.All.Select(p => (FaultPoints.NameOf(p), p))], "fault point"))
                    .Distinct().Order()],
        };
        CheckLength(scenario, threads.Line);
        return scenario.WithSwap();
    }

    private RegionPlan Region(string region, ScenarioNode node)
    {
        OnlyKnown(node, RegionKeys, $"regions.{region}.");
        if (!node.Keys!.ContainsKey("pages")) throw bad($"region \"{region}\" lacks its size: pages = N", node.Line);
        int pages = Number(node, "pages", 0, 1, MostPages);
        MemoryKind memory = Named(
            node, "memory", ScenarioText.WordOf(MemoryKind.Anonymous),
            [.. Enum.GetValues<MemoryKind>().Select(k => (ScenarioText.WordOf(k), k))]);
        bool alias = Switch(node, "alias", false);
        if (alias && memory is not (MemoryKind.Shmem or MemoryKind.GuestMemfd or MemoryKind.Hugetlb))
            throw bad($"alias = on needs memory that two mappings can share: shmem, guest-memfd or hugetlb", node.Keys["alias"].Line);
        return new RegionPlan(
            region, pages, memory, alias, [.. Words(node, "zeros").Select(w => Parse(w.Word!, w.Line, "zeros", 0, pages - 1))]);
    }

    private ContextPlan Context(string context, ScenarioNode node, Scenario scenario)
    {
        string at = $"contexts.{context}.";
        OnlyKnown(node, ContextKeys, at);
        UffdFeatures features = UffdFeatures.None;
        foreach (ScenarioNode word in Words(node, "features")) features |= Find(word, ScenarioText.FeatureWords, "feature");
        List<Registered> registered = [];
        ScenarioNode register = Block(node, "register");
        foreach (string region in register.Keys!.Keys.Order(StringComparer.Ordinal))
        {
            int number = Array.IndexOf(_regions, region);
            if (number < 0)
                throw bad(
                    $"{at}register: there is no region \"{region}\"; there are {string.Join(", ", _regions)}", register.Keys[region].Line);
            RegisterModes modes = RegisterModes.None;
            foreach (ScenarioNode word in Words(register, region)) modes |= Find(word, ScenarioText.ModeWords, "mode");
            if (modes == 0)
                throw bad(
                    $"{at}register.{region} names no mode; there are {string.Join(", ", ScenarioText.ModeWords.Select(m => m.Word))}",
                    register.Keys[region].Line);
            if (scenario.Regions[number].Memory == MemoryKind.Nothing)
                throw bad($"{at}register.{region}: nothing is mapped there", register.Keys[region].Line);
            if ((modes & RegisterModes.Minor) != 0 && scenario.Regions[number].Memory == MemoryKind.ShmemPrivate
                && scenario.Kernel.Shape == OpsShape.Seed && Number(node, "handlers", 0, 0, MostHandlers) > 0)
                throw bad(
                    $"{at}register.{region}: on the kernel seed a private mapping is taken for minor faults, and CONTINUE is refused "
                        + $"there with EINVAL, so that no handler can resolve them; use linux-6.18 or linux-7.1",
                        register.Keys[region].Line);
            registered.Add(new Registered(number, modes));
        }

        return new ContextPlan(
            context, features, [.. registered], Number(node, "handlers", 0, 0, MostHandlers), Switch(node, "source-actor", false),
            Switch(node, "push", false))
        {
            PushWindow = Number(node, "push-window", 1, 1, MostPushWindow),
            Prefetch = Named(node, "prefetch", "linear", ScenarioText.PrefetchWords),
        };
    }

    private ImmutableArray<ThreadAction> Actions(ScenarioNode parent, string key, Scenario scenario)
    {
        List<ThreadAction> actions = [];
        foreach (ScenarioNode word in Words(parent, key))
        {
            ThreadAction action;
            try
            {
                action = ThreadAction.Parse(word.Word!, _regions, _contexts);
            }
            catch (FormatException e)
            {
                throw bad(e.Message, word.Line);
            }

            if (key == "setup" && action.Kind is (ActionKind.Exit or ActionKind.ReadChild))
                throw bad($"\"{word.Word}\": only threads do that", word.Line);
            if (ThreadAction.HasRegion(action.Kind)) Inside(action.Region, action.Page);
            if (ThreadAction.HasOther(action.Kind)) Inside(action.OtherRegion, action.OtherPage);
            if (action.Kind == ActionKind.Punch && scenario.Regions[action.Region].Memory is MemoryKind.Anonymous or MemoryKind.Nothing)
                throw bad($"\"{word.Word}\": the region has no file to punch", word.Line);
            if (action.Kind is ActionKind.Drain or ActionKind.Register && scenario.Contexts[action.Context] is { Handlers: > 0 } served)
            {
                throw bad(
                    action.Kind == ActionKind.Drain
                        ? $"\"{word.Word}\": the handlers of {served.Name} read its messages, and would wait for those that the thread "
                            + $"has read; drain is for a context with handlers = 0"
                        : $"\"{word.Word}\": the handlers of {served.Name} know what contexts.{served.Name}.register names, and would "
                            + $"leave the faults of anything else asleep; register is for a context with handlers = 0",
                    word.Line);
            }

            actions.Add(action);

            void Inside(int region, int page)
            {
                int pages = scenario.Regions[region].Pages;
                if (action.Count < 1 || page >= pages || action.Count > pages - page)
                    throw bad(
                        $"\"{word.Word}\": region {_regions[region]} has {pages} pages, 0 to {pages - 1}, and at least one must be named",
                        word.Line);
            }
        }

        return [.. actions];
    }

    private void CheckLength(Scenario scenario, int line)
    {
        ThreadAction[] actions = [.. scenario.Threads.SelectMany(t => t.Actions)];
        int everywhere = 2 * actions.Count(a => a.Kind == ActionKind.Close);
        Dictionary<(int Region, int Page), int> times = [];
        foreach (ThreadAction action in actions.Where(a => ThreadAction.HasRegion(a.Kind)))
        {
            // An action that removes content may count as two events.
            for (int i = 0; i < action.Count; i++)
                times[(action.Region, action.Page + i)] =
                    times.GetValueOrDefault((action.Region, action.Page + i)) + (ThreadAction.HasCount(action.Kind) ? 2 : 1);
        }

        foreach (((int region, int page), int own) in times)
        {
            int moved = actions.Where(
                a => a.Kind is ActionKind.Mremap or ActionKind.MremapKeep && a.OtherRegion == region && page >= a.OtherPage
                    && page < a.OtherPage + a.Count)
                .Sum(a => times.GetValueOrDefault((a.Region, a.Page + page - a.OtherPage)));
            if (own + moved + everywhere > MostOfOnePage)
                throw bad(
                    $"too much happens to page {page} of {_regions[region]} for every order of it to be searched: "
                        + $"{own + moved + everywhere} events, and {MostOfOnePage} are the most", line);
        }
    }

    private void OnlyKnown(ScenarioNode node, string[] known, string at)
    {
        if (node.Keys is null) throw bad($"\"{at.TrimEnd('.')}\" is {node.Kind}, and a block {{ ... }} is needed", node.Line);
        foreach ((string key, ScenarioNode value) in node.Keys)
        {
            if (!known.Contains(key)) throw bad($"there is no key \"{at}{key}\"; there are {string.Join(", ", known)}", value.Line);
        }
    }

    // In the order of their names, so that the order in the text has no effect.
    private string[] Names(ScenarioNode block, int most, string what)
    {
        string[] names = [.. block.Keys!.Keys.Order(StringComparer.Ordinal)];
        if (names.Length > most) throw bad($"there are {names.Length} {what}; {most} are the most", block.Line);
        foreach (string word in names)
        {
            if (word.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')))
                throw bad($"\"{word}\" is no name: letters, digits, '-' and '_' are", block.Keys[word].Line);
        }

        return names;
    }

    private ScenarioNode Block(ScenarioNode node, string key)
    {
        if (!node.Keys!.TryGetValue(key, out ScenarioNode? block))
            return new ScenarioNode(node.Line) { Keys = new(StringComparer.Ordinal) };
        return block.Keys is not null ? block : throw bad($"\"{key}\" is {block.Kind}, and a block {{ ... }} is needed", block.Line);
    }

    private IEnumerable<ScenarioNode> Words(ScenarioNode node, string key)
    {
        if (!node.Keys!.TryGetValue(key, out ScenarioNode? list)) yield break;
        if (list.Items is null) throw bad($"\"{key}\" is {list.Kind}, and a list [ ... ] is needed", list.Line);
        foreach (ScenarioNode item in list.Items)
            yield return item.Word is not null ? item : throw bad($"\"{key}\" holds {item.Kind}, and words are needed", item.Line);
    }

    private string Word(ScenarioNode node, string key, string otherwise)
    {
        if (!node.Keys!.TryGetValue(key, out ScenarioNode? word)) return otherwise;
        return word.Word ?? throw bad($"\"{key}\" is {word.Kind}, and a word is needed", word.Line);
    }

    private int Number(ScenarioNode node, string key, int otherwise, int least, int most) =>
        node.Keys!.TryGetValue(key, out ScenarioNode? value) ? Parse(Word(node, key, ""), value.Line, key, least, most) : otherwise;

    private int Parse(string word, int line, string key, int least, int most) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw bad($"{key} = {word}: a number from {least} to {most} is needed", line);

    private bool Switch(ScenarioNode node, string key, bool otherwise) => Named(
        node, key, otherwise ? "on" : "off",
        [("on", true), ("off", false), ("true", true), ("false", false), ("yes", true), ("no", false)]);

    private T Named<T>(ScenarioNode node, string key, string otherwise, (string Word, T Value)[] known) =>
        Find(node.Keys!.TryGetValue(key, out ScenarioNode? value)
            ? value with { Word = Word(node, key, "") }
            : new ScenarioNode(node.Line) { Word = otherwise }, known, key, isKey: true);

    private T Find<T>(ScenarioNode word, (string Word, T Value)[] known, string what, bool isKey = false)
    {
        foreach ((string candidate, T value) in known)
        {
            if (candidate == word.Word) return value;
        }

        throw bad(
            $"{(isKey ? $"{what} = {word.Word}:" : $"there is no {what} \"{word.Word}\";")} there are "
                + $"{string.Join(", ", known.Select(k => k.Word))}", word.Line);
    }
}
