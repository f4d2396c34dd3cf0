using System.Reflection;

namespace UffdActors.Explore.Scenarios;

/// <summary>How a scenario is written: <c>SCENARIOS.md</c>, embedded in the program.</summary>
internal static class ScenarioGrammar
{
    /// <summary>The page that explains the language.</summary>
    public static string Text { get; } = Read();

    /// <summary>The scenarios that ship, with what each is about.</summary>
    public static string List
    {
        get
        {
            int width = NamedScenarios.All.Max(s => s.Name.Length);
            return string.Join('\n', NamedScenarios.All.Select(s => $"{s.Name.PadRight(width)}  {s.Summary}"));
        }
    }

    private static string Read()
    {
        using StreamReader reader = new(Assembly.GetExecutingAssembly().GetManifestResourceStream("scenarios.md")!);
        return reader.ReadToEnd();
    }
}
