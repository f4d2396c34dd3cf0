using Akka.Configuration;
using UffdActors.Model.Inputs;

namespace UffdActors.Configuration;

/// <summary>
/// Reads a configuration file. The HOCON parser takes almost anything for a configuration: it passes over brackets that are never closed,
/// and over words that are no key. Here that is an error which names file and line.
/// </summary>
internal static class ConfigFile
{
    /// <summary>Size that a file may have, in bytes.</summary>
    public const long MaxBytes = 1 << 20;

    // Sections in sections, and parts of one key: the parser and what reads its result take a part of the stack for each.
    private const int MaxDepth = 32;

    /// <summary>Reads a file.</summary>
    /// <exception cref="UffdConfigurationException">
    /// It cannot be read, is not HOCON, or sets a key of <c>uffd</c> that there is not.
    /// </exception>
    public static Config Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string text = ReadText(path);
        Config config = Parse(path, text, out IReadOnlyCollection<string> wanted);
        if (text.Length == 0) throw Bad(path, "it is empty");
        if (config.IsEmpty && text.Split('\n').Any(line => WithoutComment(line).Trim().Length > 0)) throw Bad(path, "it sets no key");
        if (ConfigKeys.Check(config.Root, wanted) is { } wrong) throw Bad(path, wrong.Problem, LineOf(text, wrong.Key));
        return config;
    }

    /// <summary>Parses a text, whatever its keys are, unless it is one that the parser would not survive.</summary>
    /// <param name="name">What the text is called in messages.</param>
    /// <param name="text">HOCON.</param>
    /// <exception cref="UffdConfigurationException">It is not HOCON, too large, too deep, or its substitutions never end.</exception>
    public static Config Parse(string name, string text) => Parse(name, text, out _);

    /// <summary>
    /// Puts file and line before a message about a configuration that was read from a file, and refused only when it was used.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="message">What is wrong; the keys that it names are looked for.</param>
    /// <param name="otherwise">The key that it is about if it names none; null for none.</param>
    /// <returns>The message as it is, if the file does not set the key.</returns>
    public static string WithPlace(string path, string message, string? otherwise = null)
    {
        IReadOnlyDictionary<string, int> lines;
        try
        {
            lines = ConfigLines.Of(WithoutComments(InputFile.ReadText(path, MaxBytes)));
        }
        catch (InputFileException)
        {
            return message;
        }

        // The longest is the one that says most: "uffd.dispatcher" is a part of "uffd.dispatcher-x".
        string? key = lines.Keys.Where(k => k.Contains('.', StringComparison.Ordinal) && message.Contains(k, StringComparison.Ordinal))
            .MaxBy(k => k.Length) ?? (otherwise is not null && lines.ContainsKey(otherwise) ? otherwise : null);
        return key is null ? message : FormattableString.Invariant($"Configuration {path}:{lines[key]}: {message}");
    }

    private static Config Parse(string path, string text, out IReadOnlyCollection<string> wanted)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxBytes)
            throw Bad(path, FormattableString.Invariant($"it has {text.Length:N0} characters; {MaxBytes:N0} are the limit"));
        CheckLines(path, text);
        CheckBrackets(path, text);
        Refuse(path, text,
            Guarded(path, () => (ConfigReferences.Check(WithoutComments(text), out IReadOnlyCollection<string> paths), paths)), out wanted);
        return Guarded(path, () => ConfigurationFactory.ParseString(text));
    }

    private static string ReadText(string path)
    {
        try
        {
            return InputFile.ReadText(path, MaxBytes);
        }
        catch (InputFileException e)
        {
            throw Bad(path, e.Message, inner: e);
        }
    }

    private static void Refuse(
        string path, string text, ((string Key, string Problem)? Wrong, IReadOnlyCollection<string> Paths) references,
        out IReadOnlyCollection<string> wanted)
    {
        wanted = references.Paths;
        if (references.Wrong is { } wrong) throw Bad(path, $"key \"{wrong.Key}\": {wrong.Problem}", LineOf(text, wrong.Key));
    }

    private static T Guarded<T>(string path, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (Exception e)
        {
            // The parser has no exception of its own; an include, which it cannot resolve here, even ends in a null reference.
            string problem = e is NullReferenceException ? "includes are not supported" : e.Message;
            throw Bad(path, problem, inner: e);
        }
    }

    private static void CheckLines(string path, string text)
    {
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (line.Any(c => char.IsControl(c) && c is not ('\t' or '\r'))) throw Bad(path, "it holds a control character", number);
            int dots = 0;
            foreach (char c in line)
            {
                dots = c == '.' ? dots + 1 : char.IsWhiteSpace(c) || c is '{' or '}' or '=' or ':' or ',' ? 0 : dots;
                if (dots > MaxDepth) throw Bad(path, FormattableString.Invariant($"a key has more than {MaxDepth} parts"), number);
            }
        }
    }

    private static string WithoutComments(string text) => string.Join('\n', text.Split('\n').Select(WithoutComment));

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
                    if (open.Count > MaxDepth)
                        throw Bad(path, FormattableString.Invariant($"sections and lists are nested more than {MaxDepth} deep"), number);
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

    private static int? LineOf(string text, string key)
    {
        IReadOnlyDictionary<string, int> lines = ConfigLines.Of(WithoutComments(text));
        // A path in quotation marks may have been taken apart, and a part of a key stands where the whole of it is set.
        for (string at = key; at.Length > 0; at = at[..Math.Max(at.LastIndexOf('.'), 0)])
        {
            if (lines.TryGetValue(at, out int line)) return line;
            if (lines.Keys.FirstOrDefault(k => k.StartsWith(at + ".", StringComparison.Ordinal)) is { } below) return lines[below];
        }

        // What the parser takes for a key without a value.
        int found = Array.FindIndex(text.Split('\n'), l => WithoutComment(l).Contains(key, StringComparison.Ordinal));
        return found < 0 ? null : found + 1;
    }

    private static UffdConfigurationException Bad(string path, string problem, int? line = null, Exception? inner = null) =>
        new($"Configuration {path}{(line is { } l ? $":{l}" : "")}: {problem}{(problem.EndsWith('?') ? "" : ".")}", inner);
}
