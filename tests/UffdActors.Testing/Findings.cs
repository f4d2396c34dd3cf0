namespace UffdActors.Testing;

/// <summary>A test over sources or assemblies says which rule it holds, and what to do about each thing that breaks it.</summary>
internal static class Findings
{
    private const int Shown = 20;

    /// <summary>Fails if something breaks the rule.</summary>
    /// <param name="rule">The rule, and what to do: one or two sentences.</param>
    /// <param name="found">What breaks it, each with its place.</param>
    public static void None(string rule, IEnumerable<string> found)
    {
        string[] all = [.. found];
        if (all.Length == 0) return;
        string more = all.Length > Shown ? $"\n  ... and {all.Length - Shown} more" : "";
        Assert.Fail($"{rule}{string.Concat(all.Take(Shown).Select(each => "\n  " + each))}{more}");
    }
}
