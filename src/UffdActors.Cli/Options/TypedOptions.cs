using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace UffdActors.Cli.Options;

/// <summary>
/// Options whose values are checked while the command line is read: what is wrong with one is a line that names it, its value and what it
/// takes.
/// </summary>
internal static class TypedOptions
{
    /// <summary>A number in a range.</summary>
    public static Option<T> Number<T>(string name, string unit, string description, T value, T least, T most)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = unit,
            DefaultValueFactory = _ => value,
            CustomParser = result => ParseNumber(name, result, least, most) ?? value,
        };

    /// <summary>One of several names.</summary>
    public static Option<Named<T>> Choice<T>(string name, string description, string value, IReadOnlyList<Named<T>> choices) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', choices.Select(c => c.Name)),
        DefaultValueFactory = _ => choices.First(c => c.Name == value),
        CustomParser = result => Chosen(result, name, choices),
    };

    /// <summary>A number in a range; null if it is not given.</summary>
    public static Option<T?> Number<T>(string name, string unit, string description, T least, T most)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = unit,
            CustomParser = result => ParseNumber(name, result, least, most),
        };

    /// <summary>Numbers that are not negative, with commas between.</summary>
    public static Option<Named<IReadOnlyList<int>>> Numbers(string name, string description, params IReadOnlyList<int> value) => new(name)
    {
        Description = description,
        HelpName = "N,N,...",
        DefaultValueFactory = _ => new(string.Join(',', value), value),
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            List<int> numbers = [];
            foreach (string part in Parts(text))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                {
                    result.AddError($"{name} {text}: \"{part}\" is not a number; write numbers with commas between, as in 1,4,16.");
                    return new(text, value);
                }

                numbers.Add(number);
            }

            return new(text, numbers);
        },
    };

    /// <summary>Two CPUs with a comma between; null if it is not given.</summary>
    public static Option<Named<IReadOnlyList<int>>?> TwoCpus(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "CPU,CPU",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            int[] cpus = [.. Parts(text).Select(p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : -1)];
            if (cpus is [>= 0, >= 0]) return new(text, cpus);
            result.AddError($"{name} {text}: write two numbers of CPUs with a comma between, as in 0,1.");
            return null;
        },
    };

    /// <summary>One of the names of an enumeration, in lower case.</summary>
    public static Option<Named<T>> Choice<T>(string name, string description, T value)
        where T : struct, Enum =>
            Choice(name, description, NameOf(value), [.. Enum.GetValues<T>().Select(v => new Named<T>(NameOf(v), v))]);

    /// <summary>One of several names that mean nothing but themselves; null if it is not given.</summary>
    public static Option<Named<string>?> OneOf(string name, string description, params IReadOnlyList<string> choices) =>
        OneOf<string>(name, description, [.. choices.Select(c => new Named<string>(c, c))]);

    /// <summary>One of several names; null if it is not given.</summary>
    public static Option<Named<T>?> OneOf<T>(string name, string description, IReadOnlyList<Named<T>> choices) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', choices.Select(c => c.Name)),
        CustomParser = result => Chosen(result, name, choices),
    };

    private static Named<T> Chosen<T>(ArgumentResult result, string name, IReadOnlyList<Named<T>> choices)
    {
        string text = result.Tokens[0].Value;
        if (choices.FirstOrDefault(c => c.Name == text) is { } chosen) return chosen;
        result.AddError($"{name} {text}: must be one of {string.Join(", ", choices.Select(c => c.Name))}.");
        return choices[0];
    }

    /// <summary>A size in bytes; null if it is not given.</summary>
    public static Option<long?> Size(string name, string description, long least) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (SizeText.TryParse(text, out long bytes) && bytes >= least) return bytes;
            result.AddError(
                $"{name} {text}: not a size{(least > 1 ? $" of at least {SizeText.Of(least)}" : " above 0")}; write bytes or a unit, as "
                    + $"in 4096, 256M, 256MiB, 1G.");
            return null;
        },
    };

    /// <summary>A duration.</summary>
    public static Option<TimeSpan> Duration(string name, string description, TimeSpan value) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        DefaultValueFactory = _ => value,
        CustomParser = result => ParseDuration(name, result) ?? value,
    };

    /// <summary>A duration; null if it is not given.</summary>
    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result => ParseDuration(name, result),
    };

    /// <summary>Text.</summary>
    public static Option<string> Text(string name, string meaning, string description, string value) =>
        new(name) { Description = description, HelpName = meaning, DefaultValueFactory = _ => value };

    /// <summary>What must be said.</summary>
    public static Option<string> Required(string name, string meaning, string description) =>
        new(name) { Description = description, HelpName = meaning, Required = true };

    /// <summary>A switch.</summary>
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>Where the document of a run goes.</summary>
    public static Option<string?> Json() => Text("--json", "FILE|-", "Write the result for machines; - is standard output.");

    /// <summary>The parts of a list with commas; none of an empty text.</summary>
    public static IReadOnlyList<string> Parts(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Text; null if it is not given.</summary>
    public static Option<string?> Text(string name, string meaning, string description) =>
        new(name) { Description = description, HelpName = meaning };

    /// <summary>Texts: the option may be repeated.</summary>
    public static Option<string[]> Texts(string name, string meaning, string description) =>
        new(name) { Description = description, HelpName = meaning };

    /// <summary>A number, or a word that stands for no number in particular; null if it is not given.</summary>
    public static Option<Named<int?>?> NumberOr(string name, string unit, string word, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = $"{unit}|{word}",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text == word) return new Named<int?>(text, null);
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
                return new Named<int?>(text, number);
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: write {least} to {most}, or {word}."));
            return null;
        },
    };

    /// <summary>True if the option stands on the command line.</summary>
    public static bool Has(this CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };

    /// <summary>Refuses two options together.</summary>
    public static void Exclude(this Command command, Option one, Option other, string why) => command.Validators.Add(result =>
    {
        if (result.Has(one) && result.Has(other)) result.AddError($"{one.Name} and {other.Name} cannot be used together: {why}.");
    });

    private static T? ParseNumber<T>(string name, ArgumentResult result, T least, T most)
        where T : struct, INumber<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out T number)
            && number >= least && number <= most) return number;
        result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: must be a number from {least} to {most}."));
        return null;
    }

    private static string NameOf<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static TimeSpan? ParseDuration(string name, ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (DurationText.TryParse(text, out TimeSpan time)) return time;
        result.AddError($"{name} {text}: not a time above 0; write seconds or a unit, as in 30, 500ms, 10m, 8h.");
        return null;
    }
}
