using System.Reflection;

namespace UffdActors.Explore.Scenarios;

/// <summary>The scenarios that ship with the program: <c>hocon/scenarios/*.conf</c>.</summary>
internal static class NamedScenarios
{
    private const string Prefix = "scenario.";

    /// <summary>All, in the order of their names.</summary>
    public static IReadOnlyList<Scenario> All { get; } = Load();

    /// <summary>The scenario of a name.</summary>
    /// <exception cref="ScenarioException">There is none.</exception>
    public static Scenario Find(string name) => All.FirstOrDefault(s => s.Name == name)
        ?? throw new ScenarioException(
            $"There is no scenario \"{name}\", and no such file; there are {string.Join(", ", All.Select(s => s.Name))}, and all, "
                + $"and random.");

    /// <summary>The scenario of a name, or of a file of one's own.</summary>
    /// <exception cref="ScenarioException">There is neither, or the file is invalid.</exception>
    public static Scenario FindOrRead(string nameOrFile) =>
        nameOrFile.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) || nameOrFile.Contains('.', StringComparison.Ordinal)
            || File.Exists(nameOrFile)
            ? ScenarioText.ReadFile(nameOrFile)
            : Find(nameOrFile);

    private static List<Scenario> Load()
    {
        Assembly assembly = Assembly.GetExecutingAssembly();
        List<Scenario> scenarios = [];
        foreach (string resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            using StreamReader reader = new(assembly.GetManifestResourceStream(resource)!);
            scenarios.Add(ScenarioText.Parse(resource[Prefix.Length..], reader.ReadToEnd()));
        }

        return scenarios;
    }
}
