using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors;

/// <summary>
/// Reads a configuration file. The HOCON parser takes almost anything for a configuration: it passes over brackets that are never closed,
/// and over words that are no key. Here that is an error which names file and line.
/// </summary>
public static class ConfigFile
{
    // Below these the keys are somebody else's business.
    private static readonly string[] Open = ["uffd.module"];

    /// <summary>Reads a file.</summary>
    /// <exception cref="UffdConfigurationException">It cannot be read, is not HOCON, or sets a key of <c>uffd</c> that there is not.</exception>
    public static Config Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string text = ReadText(path);
        CheckBrackets(path, text);
        Config config = Parse(path, text);
        if (config.IsEmpty && text.Split('\n').Any(line => WithoutComment(line).Trim().Length > 0)) throw Bad(path, "it sets no key");
        CheckValues(path, text, config);
        return config;
    }

    private static string ReadText(string path)
    {
        if (Directory.Exists(path)) throw Bad(path, "it is a folder; name a file");
        if (!File.Exists(path)) throw Bad(path, "there is no such file");
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad(path, e.Message, inner: e);
        }
    }

    private static Config Parse(string path, string text)
    {
        try
        {
            return ConfigurationFactory.ParseString(text);
        }
        catch (Exception e)
        {
            // The parser has no exception of its own; an include, which it cannot resolve here, even ends in a null reference.
            string problem = e is NullReferenceException ? "includes are not supported" : e.Message;
            throw Bad(path, problem, inner: e);
        }
    }

    private static void CheckBrackets(string path, string text)
    {
        Stack<(char Closing, int Line)> open = new();
        int number = 0;
        int quoted = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            string rest = quoted > 0 ? line : WithoutComment(line);
            for (int i = 0; i < rest.Length; i++)
            {
                if (string.CompareOrdinal(rest, i, "\"\"\"", 0, 3) == 0)
                {
                    quoted = quoted > 0 ? 0 : number;
                    i += 2;
                }
                else if (quoted > 0)
                {
                    continue;
                }
                else if (rest[i] == '"')
                {
                    i = EndOfString(rest, i);
                    if (i < 0) throw Bad(path, "a quotation mark is not closed", number);
                }
                else if (rest[i] is '{' or '[')
                {
                    open.Push((rest[i] == '{' ? '}' : ']', number));
                }
                else if (rest[i] is '}' or ']' && (!open.TryPop(out (char Closing, int Line) last) || last.Closing != rest[i]))
                {
                    throw Bad(path, $"'{rest[i]}' closes nothing", number);
                }
            }
        }

        if (quoted > 0) throw Bad(path, "a quotation mark is not closed", quoted);
        if (open.TryPop(out (char Closing, int Line) left)) throw Bad(path, $"what is opened here lacks its '{left.Closing}'", left.Line);
    }

    private static int EndOfString(string line, int start)
    {
        for (int i = start + 1; i < line.Length; i++)
        {
            if (line[i] == '\\') i++;
            else if (line[i] == '"') return i;
        }

        return -1;
    }

    // A comment begins at # or //, unless it is part of a string.
    private static string WithoutComment(string line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] == '"' && EndOfString(line, i) is > 0 and var end) i = end;
            else if (line[i] == '#' || (line[i] == '/' && i + 1 < line.Length && line[i + 1] == '/')) return line[..i];
        }

        return line;
    }

    private static void CheckValues(string path, string text, Config config)
    {
        foreach ((string key, HoconValue value) in Keys("", config.Root))
        {
            if (value.Values.Count == 0) throw Bad(path, $"key \"{key}\" has no value", LineOf(text, key));
            if (!IsKnown(key, config)) throw Bad(path, $"there is no key \"{key}\"; hocon/reference.conf explains those that there are", LineOf(text, key));
        }
    }

    private static IEnumerable<(string Key, HoconValue Value)> Keys(string prefix, HoconValue node)
    {
        if (!node.IsObject()) yield break;
        foreach ((string name, HoconValue value) in node.GetObject().Items)
        {
            string key = prefix.Length == 0 ? name : $"{prefix}.{name}";
            yield return (key, value);
            foreach ((string Key, HoconValue Value) inner in Keys(key, value)) yield return inner;
        }
    }

    private static bool IsKnown(string key, Config config)
    {
        string[] parts = key.Split('.');
        if (parts[0] != "uffd" || UffdSettings.Reference.HasPath(key) || Open.Any(o => key == o || key.StartsWith(o + ".", StringComparison.Ordinal))) return true;
        // A section with a type is a dispatcher of the user's own, with keys that only its type knows.
        return parts.Length > 1 && config.HasPath($"uffd.{parts[1]}.type");
    }

    // The line of a key's last part: enough to look at the right place.
    private static int? LineOf(string text, string key)
    {
        string name = key[(key.LastIndexOf('.') + 1)..];
        string[] lines = text.Split('\n');
        int at = Array.FindIndex(lines, line => WithoutComment(line).Contains(name, StringComparison.Ordinal));
        return at < 0 ? null : at + 1;
    }

    private static UffdConfigurationException Bad(string path, string problem, int? line = null, Exception? inner = null) =>
        new($"Configuration {path}{(line is { } l ? $":{l}" : "")}: {problem}.", inner);
}
