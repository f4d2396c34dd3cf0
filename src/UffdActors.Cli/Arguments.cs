using System.Globalization;

namespace UffdActors.Cli;

/// <summary>Values of options that are more than one word or number.</summary>
internal static class Arguments
{
    /// <summary>The parts of a list with commas; none of an empty text.</summary>
    public static IReadOnlyList<string> List(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Numbers, none of them negative, with commas between.</summary>
    /// <exception cref="CommandException">One is no number.</exception>
    public static IReadOnlyList<int> Numbers(string option, string text) =>
    [
        .. List(text).Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw CommandException.BadInput($"{option} {text}: \"{part}\" is not a number; write numbers with commas between, as in 1,4,16.")),
    ];

    /// <summary>A name of an enumeration, in lower case.</summary>
    /// <exception cref="CommandException">There is no such name.</exception>
    public static T OneOf<T>(string option, string text)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase)) return value;
        }

        throw CommandException.BadInput($"{option} {text}: use {string.Join(" or ", Enum.GetNames<T>().Select(n => n.ToLowerInvariant()))}.");
    }
}
