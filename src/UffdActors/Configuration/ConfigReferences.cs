using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// The substitutions of a configuration (<c>${path}</c>), looked at before the parser resolves them: it follows one that leads back to
/// itself until the stack is gone, which no code can catch, and copies what doubles with each step until memory is.
/// </summary>
internal static class ConfigReferences
{
    private const int MaxValues = 10_000;

    // What stands in the place of a substitution; no text of a file has it, for control characters are refused.
    private const char Mark = '\u0001';

    /// <summary>What is wrong with the substitutions, and the key that has it; null if nothing is.</summary>
    /// <param name="text">The configuration, without comments and with all of its brackets closed.</param>
    /// <param name="wanted">Paths that are substituted.</param>
    public static (string Key, string Problem)? Check(string text, out IReadOnlyCollection<string> wanted)
    {
        Dictionary<string, List<string>> references = new(StringComparer.Ordinal);
        wanted = [];
        if (!text.Contains("${", StringComparison.Ordinal)) return null;
        Collect("", ConfigurationFactory.ParseString(Marked(text)).Root, references);
        wanted = [.. references.Values.SelectMany(r => r)];
        Dictionary<string, long> sizes = new(StringComparer.Ordinal);
        foreach (string key in references.Keys)
        {
            long size = SizeOf(key, references, sizes);
            if (size < 0) return (key, "its substitution leads back to itself");
            if (size > MaxValues) return (key, FormattableString.Invariant($"its substitutions come to more than {MaxValues:N0} values"));
        }

        return null;
    }

    private static string Marked(string text)
    {
        System.Text.StringBuilder marked = new(text.Length);
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
            int end = !quoted && string.CompareOrdinal(text, i, "${", 0, 2) == 0 ? text.IndexOf('}', i) : -1;
            if (end < 0)
            {
                _ = marked.Append(text[i]);
                continue;
            }

            string path = text[(i + 2)..end].TrimStart('?').Trim().Replace("\"", "", StringComparison.Ordinal);
            _ = marked.Append('"').Append(Mark).Append(path).Append('"');
            i = end;
        }

        return marked.ToString();
    }

    // Below an array the key is that of the array.
    private static void Collect(string key, HoconValue value, Dictionary<string, List<string>> references)
    {
        foreach (IHoconElement element in value.Values)
        {
            switch (element)
            {
                case HoconObject section:
                    foreach ((string name, HoconValue inner) in section.Items)
                        Collect(key.Length == 0 ? name : $"{key}.{name}", inner, references);
                    break;
                case HoconLiteral { Value: { Length: > 0 } text } when text[0] == Mark:
                    if (!references.TryGetValue(key, out List<string>? list)) references.Add(key, list = []);
                    list.Add(text[1..]);
                    break;
                case HoconValue inner:
                    Collect(key, inner, references);
                    break;
                case HoconArray:
                    foreach (HoconValue inner in element.GetArray()) Collect(key, inner, references);
                    break;
            }
        }
    }

    // Values that a key comes to; -1 if it never ends. A substitution takes in everything below its path, and asks everything above it.
    private static long SizeOf(string key, Dictionary<string, List<string>> references, Dictionary<string, long> sizes)
    {
        if (sizes.TryGetValue(key, out long known)) return known;
        sizes.Add(key, -1);
        long size = 1;
        foreach (string path in references[key])
        {
            if (IsWithin(key, path)) return -1;
            foreach (string other in references.Keys.Where(k => k == path || IsWithin(k, path) || IsWithin(path, k)))
            {
                long inner = SizeOf(other, references, sizes);
                if (inner < 0) return -1;
                size = Math.Min(size + inner, MaxValues + 1);
            }

            size++;
        }

        return sizes[key] = size;
    }

    private static bool IsWithin(string key, string path) => key == path || key.StartsWith(path + ".", StringComparison.Ordinal);
}
