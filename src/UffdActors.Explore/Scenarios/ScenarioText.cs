using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using UffdActors.Explore.Faults;
using UffdActors.Model.Inputs;

namespace UffdActors.Explore.Scenarios;

/// <summary>Scenarios as text; the language is explained in <c>SCENARIOS.md</c>.</summary>
internal static class ScenarioText
{
    internal const int Version = 1;
    private const int MostBytes = 1 << 20;
    private const int LongestMessage = 400;

    /// <summary>Reads a scenario.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="text">The text.</param>
    /// <param name="file">Where the text is from, if it is from a file: messages name it.</param>
    /// <exception cref="ScenarioException">It is invalid: the message is one line, with file and line.</exception>
    public static Scenario Parse(string name, string text, string? file = null)
    {
        ScenarioException Bad(string problem, int line) =>
            new($"Scenario {file ?? name}:{line.ToString(CultureInfo.InvariantCulture)}: {OneLine(problem)}.");
        return new ScenarioForm(name, Bad).Read(ScenarioReader.Read(text, Bad));
    }

    /// <summary>Reads the scenario of a file.</summary>
    /// <exception cref="ScenarioException">It cannot be read, or is invalid.</exception>
    public static Scenario ReadFile(string path)
    {
        try
        {
            string text = InputFile.ReadText(path, MostBytes);
            if (text.Length == 0) throw new ScenarioException($"Scenario {path}: it is empty.");
            return Parse(Path.GetFileNameWithoutExtension(path), text, path);
        }
        catch (InputFileException e)
        {
            throw new ScenarioException(
                $"Scenario {path}: {OneLine(e.Message)}; uffd explore --list names the scenarios that there are.", e);
        }
    }

    private static string OneLine(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= LongestMessage ? line : line[..LongestMessage] + "...";
    }

    /// <summary>Writes a scenario so that <see cref="Parse"/> gives it back.</summary>
    public static string Format(Scenario scenario)
    {
        StringBuilder text = new();
        void Line(string line) => text.Append(line).Append('\n');
        Line($"version = {Version}");
        string summary = scenario.Summary.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        Line($"summary = \"{summary}\"");
        Line($"kernel = {scenario.Kernel.Name}");
        Line($"memory-pages = {Text(scenario.MemoryPages)}");
        Line($"must-finish = {(scenario.MustFinish ? "on" : "off")}");
        Line("regions {");
        foreach (RegionPlan region in scenario.Regions)
        {
            string zeros = region.Zeros.IsEmpty ? "" : $", zeros = [{string.Join(", ", region.Zeros.Select(Text))}]";
            Line($"  {region.Name} {{ pages = {Text(region.Pages)}, memory = "
                + $"{WordOf(region.Memory)}{(region.Alias ? ", alias = on" : "")}{zeros} }}");
        }

        Line("}");
        Line("contexts {");
        foreach (ContextPlan context in scenario.Contexts)
        {
            Line($"  {context.Name} {{");
            Line($"    features = [{string.Join(", ", FeatureWords.Where(f => (context.Features & f.Feature) != 0).Select(f => f.Word))}]");
            foreach (Registered registered in context.Registered)
                Line($"    register.{scenario.Regions[registered.Region].Name} = "
                    + $"[{string.Join(", ", ModeWords.Where(m => (registered.Modes & m.Mode) != 0).Select(m => m.Word))}]");
            Line($"    handlers = {Text(context.Handlers)}, source-actor = {(context.SourceActor ? "on" : "off")}, push = "
                + $"{(context.Push ? "on" : "off")}");
            if (context.PushWindow > 1) Line($"    push-window = {Text(context.PushWindow)}");
            if (context.Prefetch != PrefetchKind.Linear)
                Line($"    prefetch = {PrefetchWords.First(p => p.Kind == context.Prefetch).Word}");
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

    private static string Quoted(Scenario scenario, ImmutableArray<ThreadAction> actions) =>
        string.Join(", ", actions.Select(a => $"\"{a.Format(scenario)}\""));

    internal static string WordOf(MemoryKind kind) => kind switch
    {
        MemoryKind.Anonymous => "anonymous",
        MemoryKind.Shmem => "shmem",
        MemoryKind.ShmemPrivate => "shmem-private",
        MemoryKind.GuestMemfd => "guest-memfd",
        MemoryKind.Hugetlb => "hugetlb",
        _ => "nothing",
    };

    internal static readonly (string Word, UffdFeatures Feature)[] FeatureWords =
    [
        ("event-fork", UffdFeatures.EventFork),
        ("event-remap", UffdFeatures.EventRemap),
        ("event-remove", UffdFeatures.EventRemove),
        ("event-unmap", UffdFeatures.EventUnmap),
        ("wp-unpopulated", UffdFeatures.WpUnpopulated),
        ("wp-async", UffdFeatures.WpAsync),
        ("move", UffdFeatures.Move),
        ("poison", UffdFeatures.Poison),
        ("thread-id", UffdFeatures.ThreadId),
    ];

    internal static readonly (string Word, PrefetchKind Kind)[] PrefetchWords =
        [("linear", PrefetchKind.Linear), ("locality", PrefetchKind.Locality), ("bubble", PrefetchKind.Bubble)];

    internal static readonly (string Word, RegisterModes Mode)[] ModeWords =
        [("missing", RegisterModes.Missing), ("wp", RegisterModes.WriteProtect), ("minor", RegisterModes.Minor)];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
