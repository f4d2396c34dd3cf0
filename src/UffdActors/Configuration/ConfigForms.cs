using System.Globalization;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// What a value has to look like shows in that of the reference. Other words stand there for what a key may also be: profile, off.
/// </summary>
internal static class ConfigForms
{
    /// <summary>What a key of ours takes; null if the value is of that form, or the reference asks for none.</summary>
    /// <param name="reference">What the reference has.</param>
    /// <param name="value">What it is set to.</param>
    public static string? Needed(string reference, HoconValue value)
    {
        string text = value.GetString();
        if (IsNumber(reference)) return IsNumber(text) ? null : "a whole number";
        if (reference is "on" or "off") return IsSwitch(text) ? null : "on or off";
        return IsTimeText(reference) && !IsTime(value) ? "a time, such as 5s" : null;
    }

    /// <summary>True for what the parser reads as a switch.</summary>
    public static bool IsSwitch(string text) => text is "on" or "off" or "true" or "false" or "yes" or "no";

    /// <summary>True for a number with a unit of time behind it.</summary>
    public static bool IsTimeText(string text) =>
        text.Length > 1 && char.IsAsciiDigit(text[0]) && text.EndsWith('s') && text.TrimStart("0123456789. ".ToCharArray()) is "ms" or "s"
            or "minutes" or "hours";

    private static bool IsNumber(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static bool IsTime(HoconValue value)
    {
        try
        {
            _ = value.GetTimeSpan();
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return false;
        }
    }
}
