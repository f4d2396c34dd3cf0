using System.Text.Json;

namespace UffdActors.Cli.Tests;

/// <summary>The report of an end of a migration, in short.</summary>
internal static class EndReport
{
    /// <summary>
    /// The report: <c>name+</c> and <c>name-</c> for what is true and false, and a word for the hash, which is <c>right</c> without one.
    /// </summary>
    public static JsonElement? Of(string? text)
    {
        if (text is null) return null;
        string[] words = text.Split(' ');
        Dictionary<string, object?> fields = words.Where(w => w.Length > 0 && w[^1] is '+' or '-')
            .ToDictionary(w => w[..^1], w => (object?)(w[^1] == '+'));
        fields["actualSha256"] = words.FirstOrDefault(w => w.Length == 0 || w[^1] is not ('+' or '-')) switch
        {
            null => "right",
            "" => null,
            var hash => hash,
        };
        return JsonSerializer.SerializeToElement(fields);
    }
}
