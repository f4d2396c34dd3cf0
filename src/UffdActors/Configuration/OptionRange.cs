using System.Globalization;

namespace UffdActors.Configuration;

/// <summary>Ranges of options, checked before anything is made of them: the message has name, value and range.</summary>
internal static class OptionRange
{
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Within<T>(T value, T least, T most, string name)
        where T : IComparable<T>, IFormattable
    {
        if (value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0) return;
        throw new ArgumentOutOfRangeException(name, value, $"{name} = {Text(value)}: use {Text(least)} to {Text(most)}.");
    }

    /// <exception cref="ArgumentOutOfRangeException">The enumeration has no such value.</exception>
    public static void Defined<T>(T value, string name)
        where T : struct, Enum
    {
        if (Enum.IsDefined(value)) return;
        throw new ArgumentOutOfRangeException(name, value, $"{name} = {value}: use {string.Join(", ", Enum.GetNames<T>())}.");
    }

    private static string Text<T>(T value)
        where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
