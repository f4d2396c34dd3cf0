namespace UffdActors.Configuration;

/// <summary>Where in a text the keys of a configuration are set; the parser keeps no lines.</summary>
internal static class ConfigLines
{
    /// <summary>The line of each key that the text sets, by its path from the root on; of one that is set twice, the last.</summary>
    /// <param name="text">HOCON without comments, with all of its brackets closed.</param>
    public static IReadOnlyDictionary<string, int> Of(string text)
    {
        Dictionary<string, int> lines = new(StringComparer.Ordinal);
        // An array has no keys of its own: what it holds belongs to its key.
        Stack<string> sections = new();
        string prefix = "";
        string key = "";
        int line = 1;
        for (int i = 0, start = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : '\n';
            if (c == '"')
            {
                i = EndOfString(text, i, ref line);
                continue;
            }

            if (c is not ('{' or '}' or '[' or ']' or '=' or ':' or ',' or '\n')) continue;
            // The brace of ${path} opens no section.
            if (c == '{' && i > 0 && text[i - 1] == '$')
            {
                i = Math.Max(i, text.IndexOf('}', i));
                continue;
            }

            string word = text[start..i].Trim().TrimEnd('+').TrimEnd();
            start = i + 1;
            if (c is '=' or ':' or '{')
            {
                if (key.Length == 0 && word.Length > 0) key = prefix + word.Replace("\"", "", StringComparison.Ordinal);
                if (key.Length > 0) lines[key] = line;
            }

            if (c is '{' or '[')
            {
                sections.Push(prefix);
                if (key.Length > 0) prefix = key + ".";
                key = "";
            }
            else if (c is '}' or ']')
            {
                prefix = sections.Count > 0 ? sections.Pop() : "";
                key = "";
            }
            else if (c == ',' || (c == '\n' && word.Length > 0))
            {
                key = "";
            }

            if (c == '\n') line++;
        }

        return lines;
    }

    private static int EndOfString(string text, int start, ref int line)
    {
        bool isTriple = string.CompareOrdinal(text, start, "\"\"\"", 0, 3) == 0;
        int i = start + (isTriple ? 3 : 1);
        while (i < text.Length && (isTriple ? string.CompareOrdinal(text, i, "\"\"\"", 0, 3) != 0 : text[i] != '"'))
        {
            if (text[i] == '\n') line++;
            i += !isTriple && text[i] == '\\' ? 2 : 1;
        }

        return i + (isTriple ? 2 : 0);
    }
}
