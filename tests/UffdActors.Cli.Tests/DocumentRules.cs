using System.Text.Json;

namespace UffdActors.Cli.Tests;

/// <summary>What all documents of <c>--json</c> have in common.</summary>
internal static class DocumentRules
{
    /// <summary>Holds that a text is one document: with a version, its kind, and names in camel case.</summary>
    public static void Hold(string text, string kind)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        Assert.InRange(document.RootElement.GetProperty("version").GetInt32(), 1, int.MaxValue);
        Assert.Equal(kind, document.RootElement.GetProperty("kind").GetString());
        Assert.DoesNotContain(
            NamesIn(document.RootElement), name => name.Contains('_', StringComparison.Ordinal) || !char.IsAsciiLetterLower(name[0]));
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        // Under "config" the names are the kernel's: CONFIG_USERFAULTFD.
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.Name == "config" ? [p.Name] : NamesIn(p.Value).Prepend(p.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
