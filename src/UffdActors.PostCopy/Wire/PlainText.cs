using System.Globalization;

namespace UffdActors.PostCopy.Wire;

/// <summary>Text of a peer for display: one line, of characters that are shown as themselves.</summary>
internal static class PlainText
{
    /// <summary>
    /// The text with a question mark for each control character, for each mark that turns the direction of what follows it or is
    /// invisible, and for what is outside of the basic plane.
    /// </summary>
    public static string Of(string text) => string.Create(text.Length, text, (line, all) =>
    {
        for (int i = 0; i < line.Length; i++) line[i] = IsShown(all[i]) ? all[i] : '?';
    });

    private static bool IsShown(char c) => char.GetUnicodeCategory(c) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate);
}
