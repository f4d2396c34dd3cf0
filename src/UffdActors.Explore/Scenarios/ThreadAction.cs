using System.Globalization;

namespace UffdActors.Explore.Scenarios;

/// <summary>One call or access of a thread. Regions and contexts by number; what the kind does not need is 0.</summary>
internal sealed record ThreadAction(ActionKind Kind)
{
    /// <summary>Context that the call is made on.</summary>
    public int Context { get; init; }

    /// <summary>Region.</summary>
    public int Region { get; init; }

    /// <summary>First page of the region.</summary>
    public int Page { get; init; }

    /// <summary>Pages.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Region of the source of a move, or of the target of a remap.</summary>
    public int OtherRegion { get; init; }

    /// <summary>First page there.</summary>
    public int OtherPage { get; init; }

    /// <summary>True if the kind names a context.</summary>
    public static bool HasContext(ActionKind kind) => kind >= ActionKind.Register;

    /// <summary>True if the kind names a region and a page.</summary>
    public static bool HasRegion(ActionKind kind) =>
        kind is not (ActionKind.Fork or ActionKind.Exit or ActionKind.Close or ActionKind.Drain);

    /// <summary>True if the kind names how many pages.</summary>
    public static bool HasCount(ActionKind kind) =>
        HasRegion(kind) && kind is not (ActionKind.Read or ActionKind.Write or ActionKind.Peek or ActionKind.ReadChild);

    /// <summary>True if the kind names a second place.</summary>
    public static bool HasOther(ActionKind kind) =>
        kind is ActionKind.Mremap or ActionKind.MremapKeep or ActionKind.Move or ActionKind.CopyFrom;

    /// <summary>True if the kind is a fill that decides what a page holds.</summary>
    public static bool BringsContent(ActionKind kind) =>
        kind is ActionKind.Zeropage or ActionKind.Copy or ActionKind.CopyWp or ActionKind.CopyFrom;

    /// <summary>True if the page of a region is in the action's range.</summary>
    public bool Covers(int region, int page) => region == Region && page >= Page && page < Page + Count;

    /// <summary>True if the page of a region is in the action's second range.</summary>
    public bool CoversOther(int region, int page) => region == OtherRegion && page >= OtherPage && page < OtherPage + Count;

    /// <summary>The word for a kind: <c>copy-from</c>.</summary>
    public static string WordOf(ActionKind kind) => kind switch
    {
        ActionKind.CopyFrom => "copy-from",
        ActionKind.CopyWp => "copy-wp",
        ActionKind.MremapKeep => "mremap-keep",
        ActionKind.ReadChild => "read-child",
        _ => kind.ToString().ToLowerInvariant(),
    };

    /// <summary>Reads an action: <c>copy uffd ram 0 2</c>, <c>write ram 3</c>, <c>mremap ram 0 2 spot 0</c>.</summary>
    /// <exception cref="FormatException">The message says what is wrong.</exception>
    public static ThreadAction Parse(string text, IReadOnlyList<string> regions, IReadOnlyList<string> contexts)
    {
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) throw new FormatException("an action is empty");
        ActionKind? kind = null;
        foreach (ActionKind candidate in Enum.GetValues<ActionKind>())
        {
            if (WordOf(candidate) == words[0]) kind = candidate;
        }

        if (kind is not { } known)
            throw new FormatException(
                $"\"{text}\": there is no action \"{words[0]}\"; there are "
                    + $"{string.Join(", ", Enum.GetValues<ActionKind>().Select(WordOf))}");
        int at = 1;
        ThreadAction action = new(known);
        if (HasContext(known)) action = action with { Context = Name(contexts, "context") };
        if (HasRegion(known)) action = action with { Region = Name(regions, "region"), Page = Number("page") };
        if (HasCount(known)) action = action with { Count = Number("number of pages") };
        if (HasOther(known)) action = action with { OtherRegion = Name(regions, "region"), OtherPage = Number("page") };
        return at == words.Length ? action : throw new FormatException($"\"{text}\": nothing is expected after \"{words[at - 1]}\"");

        string Word(string what) =>
            at < words.Length ? words[at++] : throw new FormatException($"\"{text}\": a {what} is missing at the end");

        int Number(string what)
        {
            string word = Word(what);
            return int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : throw new FormatException($"\"{text}\": \"{word}\" is not a {what}");
        }

        int Name(IReadOnlyList<string> names, string what)
        {
            string word = Word(what);
            for (int i = 0; i < names.Count; i++)
            {
                if (names[i] == word) return i;
            }

            throw new FormatException($"\"{text}\": there is no {what} \"{word}\"");
        }
    }

    /// <summary>The action as <see cref="Parse"/> reads it.</summary>
    public string Format(Scenario scenario)
    {
        List<string> words = [WordOf(Kind)];
        if (HasContext(Kind)) words.Add(scenario.Contexts[Context].Name);
        if (HasRegion(Kind)) words.AddRange([scenario.Regions[Region].Name, Text(Page)]);
        if (HasCount(Kind)) words.Add(Text(Count));
        if (HasOther(Kind)) words.AddRange([scenario.Regions[OtherRegion].Name, Text(OtherPage)]);
        return string.Join(' ', words);
    }

    /// <summary>The action as a chart shows it: with the system call in front, if the word alone does not name it.</summary>
    public string Describe(Scenario scenario) => Kind switch
    {
        ActionKind.DontNeed or ActionKind.Remove or ActionKind.PageOut => "madvise " + Format(scenario),
        ActionKind.Punch => "fallocate " + Format(scenario),
        _ => Format(scenario),
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
