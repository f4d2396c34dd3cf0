using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Akka.Configuration;
using UffdActors.Abi;
using UffdActors.Explore.Faults;
using UffdActors.Model;

namespace UffdActors.Explore.Scenarios;

/// <summary>A scenario that means nothing. The message names it, what is wrong, and what is expected.</summary>
internal sealed class ScenarioException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Scenarios as HOCON; the keys are explained in <c>hocon/scenarios/two-vcpus-one-madvise.conf</c>.</summary>
internal static class ScenarioText
{
    private const int Version = 1;
    private const int MostPages = 16;

    /// <summary>Reads a scenario.</summary>
    /// <exception cref="ScenarioException">It means nothing.</exception>
    public static Scenario Parse(string name, string text)
    {
        try
        {
            return Read(name, ConfigurationFactory.ParseString(text));
        }
        catch (Exception e) when (e is not ScenarioException)
        {
            throw new ScenarioException($"Scenario {name}: {e.Message}", e);
        }
    }

    /// <summary>Writes a scenario so that <see cref="Parse"/> gives it back.</summary>
    public static string Format(Scenario scenario)
    {
        StringBuilder text = new();
        void Line(string line) => text.Append(line).Append('\n');
        Line($"version = {Version}");
        Line($"summary = \"{scenario.Summary}\"");
        Line($"kernel = {scenario.Kernel.Name}");
        Line($"memory-pages = {Text(scenario.MemoryPages)}");
        Line($"must-finish = {(scenario.MustFinish ? "on" : "off")}");
        Line("regions {");
        foreach (RegionPlan region in scenario.Regions)
        {
            string zeros = region.Zeros.IsEmpty ? "" : $", zeros = [{string.Join(", ", region.Zeros.Select(Text))}]";
            Line($"  {region.Name} {{ pages = {Text(region.Pages)}, memory = {WordOf(region.Memory)}{(region.Alias ? ", alias = on" : "")}{zeros} }}");
        }

        Line("}");
        Line("contexts {");
        foreach (ContextPlan context in scenario.Contexts)
        {
            Line($"  {context.Name} {{");
            Line($"    features = [{string.Join(", ", FeatureWords.Where(f => (context.Features & f.Feature) != 0).Select(f => f.Word))}]");
            foreach (Registered registered in context.Registered)
                Line($"    register.{scenario.Regions[registered.Region].Name} = [{string.Join(", ", ModeWords.Where(m => (registered.Modes & m.Mode) != 0).Select(m => m.Word))}]");
            Line($"    handlers = {Text(context.Handlers)}, source-actor = {(context.SourceActor ? "on" : "off")}, push = {(context.Push ? "on" : "off")}");
            Line("  }");
        }

        Line("}");
        Line($"setup = [{Quoted(scenario, scenario.Setup)}]");
        Line("threads {");
        foreach (ThreadPlan thread in scenario.Threads) Line($"  {thread.Name} = [{Quoted(scenario, thread.Actions)}]");
        Line("}");
        Line($"faults = [{string.Join(", ", scenario.Faults.Select(f => $"\"{FaultPoints.NameOf(f)}\""))}]");
        return text.ToString();
    }

    private static Scenario Read(string name, Config config)
    {
        int version = config.GetInt("version");
        if (version != Version) throw Bad($"version = {version} is not supported; this program understands version {Version}");
        ImmutableArray<RegionPlan> regions = [.. Children(config, "regions").Select(c => Region(c.Name, c.Config))];
        string[] regionNames = [.. regions.Select(r => r.Name)];
        ImmutableArray<ContextPlan> contexts = [.. Children(config, "contexts").Select(c => Context(c.Name, c.Config, regionNames))];
        string[] contextNames = [.. contexts.Select(c => c.Name)];
        Scenario scenario = new()
        {
            Name = name,
            Summary = config.GetString("summary", ""),
            Kernel = KernelProfile.Find(config.GetString("kernel", "seed")) ?? throw Bad($"kernel = {config.GetString("kernel")}: there is no such profile"),
            MemoryPages = config.GetInt("memory-pages", 64),
            MustFinish = config.GetBoolean("must-finish", true),
            Regions = regions,
            Contexts = contexts,
            Setup = Actions(config.GetStringList("setup", [])),
            Threads = [.. Keys(config, "threads").Select(thread => new ThreadPlan(thread, Actions(config.GetStringList($"threads.{thread}"))))],
            Faults = [.. config.GetStringList("faults", []).Select(f => FaultPoints.Find(f)
                ?? throw Bad($"faults: there is no fault point \"{f}\"; there are {string.Join(", ", FaultPoints.All.Select(FaultPoints.NameOf))}"))],
        };
        Check(scenario);
        return scenario;

        ImmutableArray<ThreadAction> Actions(IList<string> texts) => [.. texts.Select(t => ThreadAction.Parse(t, regionNames, contextNames))];

        ScenarioException Bad(string problem) => new($"Scenario {name}: {problem}.");
    }

    private static RegionPlan Region(string name, Config config)
    {
        string memory = config.GetString("memory", "anonymous");
        MemoryKind? kind = null;
        foreach (MemoryKind candidate in Enum.GetValues<MemoryKind>())
        {
            if (WordOf(candidate) == memory) kind = candidate;
        }

        return new RegionPlan(
            name,
            config.GetInt("pages"),
            kind ?? throw new FormatException($"regions.{name}.memory = {memory}: there are {string.Join(", ", Enum.GetValues<MemoryKind>().Select(WordOf))}"),
            config.GetBoolean("alias", false),
            [.. config.HasPath("zeros") ? config.GetIntList("zeros") : []]);
    }

    private static ContextPlan Context(string name, Config config, string[] regions)
    {
        UffdFeatures features = UffdFeatures.None;
        foreach (string word in config.GetStringList("features", [])) features |= Find(FeatureWords, word, f => f.Word, $"contexts.{name}.features").Feature;
        List<Registered> registered = [];
        if (config.HasPath("register"))
        {
            foreach (string region in Keys(config, "register"))
            {
                int number = Array.IndexOf(regions, region);
                if (number < 0) throw new FormatException($"contexts.{name}.register: there is no region \"{region}\"");
                RegisterModes modes = RegisterModes.None;
                foreach (string word in config.GetStringList($"register.{region}")) modes |= Find(ModeWords, word, m => m.Word, $"contexts.{name}.register.{region}").Mode;
                registered.Add(new Registered(number, modes));
            }
        }

        return new ContextPlan(
            name, features, [.. registered], config.GetInt("handlers", 0), config.GetBoolean("source-actor", false), config.GetBoolean("push", false));
    }

    private static void Check(Scenario scenario)
    {
        string where = $"Scenario {scenario.Name}: ";
        if (scenario.Regions.IsEmpty || scenario.Threads.IsEmpty) throw new ScenarioException(where + "it needs at least one region and one thread.");
        if (scenario.Pages > MostPages) throw new ScenarioException(where + $"its regions have {scenario.Pages} pages; {MostPages} are the most.");
        foreach (ThreadAction action in scenario.Threads.SelectMany(t => t.Actions).Concat(scenario.Setup))
        {
            if (ThreadAction.HasRegion(action.Kind)) Inside(action.Region, action.Page, action.Count, action);
            if (ThreadAction.HasOther(action.Kind)) Inside(action.OtherRegion, action.OtherPage, action.Count, action);
            if (action.Kind == ActionKind.Punch && scenario.Regions[action.Region].Memory is MemoryKind.Anonymous or MemoryKind.Nothing)
                throw new ScenarioException(where + $"\"{action.Format(scenario)}\": the region has no file to punch.");
        }

        void Inside(int region, int page, int count, ThreadAction action)
        {
            if (count < 1 || page + count > scenario.Regions[region].Pages)
                throw new ScenarioException(where + $"\"{action.Format(scenario)}\": region {scenario.Regions[region].Name} has {scenario.Regions[region].Pages} pages.");
        }
    }

    private static T Find<T>(T[] words, string word, Func<T, string> wordOf, string key)
    {
        foreach (T candidate in words)
        {
            if (wordOf(candidate) == word) return candidate;
        }

        throw new FormatException($"{key}: there is no \"{word}\"; there are {string.Join(", ", words.Select(wordOf))}");
    }

    // In the order of their names: what a HOCON object's own order is does not matter then.
    private static string[] Keys(Config config, string path) =>
        config.HasPath(path) ? [.. config.GetValue(path).GetObject().Items.Keys.Order(StringComparer.Ordinal)] : [];

    private static IEnumerable<(string Name, Config Config)> Children(Config config, string path) =>
        Keys(config, path).Select(key => (key, config.GetConfig($"{path}.{key}")));

    private static string Quoted(Scenario scenario, ImmutableArray<ThreadAction> actions) =>
        string.Join(", ", actions.Select(a => $"\"{a.Format(scenario)}\""));

    private static string WordOf(MemoryKind kind) => kind switch
    {
        MemoryKind.Anonymous => "anonymous",
        MemoryKind.Shmem => "shmem",
        MemoryKind.ShmemPrivate => "shmem-private",
        MemoryKind.GuestMemfd => "guest-memfd",
        _ => "nothing",
    };

    private static readonly (string Word, UffdFeatures Feature)[] FeatureWords =
    [
        ("event-fork", UffdFeatures.EventFork),
        ("event-remap", UffdFeatures.EventRemap),
        ("event-remove", UffdFeatures.EventRemove),
        ("event-unmap", UffdFeatures.EventUnmap),
        ("wp-unpopulated", UffdFeatures.WpUnpopulated),
        ("wp-async", UffdFeatures.WpAsync),
        ("move", UffdFeatures.Move),
        ("poison", UffdFeatures.Poison),
    ];

    private static readonly (string Word, RegisterModes Mode)[] ModeWords =
        [("missing", RegisterModes.Missing), ("wp", RegisterModes.WriteProtect), ("minor", RegisterModes.Minor)];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
