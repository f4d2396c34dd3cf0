using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// Akka throws whatever its parts throw that read a setting, often in an exception of the call that makes them, and seldom names the key;
/// but it quotes the value.
/// </summary>
internal static class AkkaRefusal
{
    /// <summary>Why Akka refuses, with the keys whose values it quotes.</summary>
    /// <param name="refused">What it has thrown.</param>
    /// <param name="config">What was set; null for nothing.</param>
    public static string Text(Exception refused, Config? config)
    {
        string why = refused.GetBaseException().Message.ReplaceLineEndings(" ").TrimEnd('.');
        string[] keys = config?.Root is { } root && root.IsObject() ? [.. Quoted("", root.GetObject(), why).Distinct()] : [];
        return keys.Length is 0 or > 3 ? $"{why}; look at the settings below akka" : $"{string.Join(", ", keys)}: {why}";
    }

    private static IEnumerable<string> Quoted(string prefix, HoconObject section, string why)
    {
        foreach ((string name, HoconValue value) in section.Items)
        {
            string key = prefix + name;
            if (value.IsObject())
            {
                foreach (string inner in Quoted(key + ".", value.GetObject(), why)) yield return inner;
            }
            else if (why.Contains(key, StringComparison.Ordinal))
            {
                yield return key;
            }
            else if (value.IsString() && value.GetString() is { Length: > 0 } text && IsQuoted(text, why))
            {
                yield return $"{key} = {text}";
            }
        }
    }

    // As a word of its own: "on" is in many a sentence.
    private static bool IsQuoted(string text, string why)
    {
        for (int at = why.IndexOf(text, StringComparison.Ordinal); at >= 0; at = why.IndexOf(text, at + 1, StringComparison.Ordinal))
        {
            bool begins = at == 0 || !char.IsLetterOrDigit(why[at - 1]);
            bool ends = at + text.Length == why.Length || !char.IsLetterOrDigit(why[at + text.Length]);
            if (begins && ends) return true;
        }

        return false;
    }
}
