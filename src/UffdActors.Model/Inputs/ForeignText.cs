using System.Globalization;
using System.Reflection;

namespace UffdActors.Model.Inputs;

/// <summary>What an exception of third-party code says: a module, a page source, a hook. Its Message may be null, or throw.</summary>
internal static class ForeignText
{
    /// <summary>The message in one line; the name of the type if there is none.</summary>
    public static string Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        // These say only that something has thrown; what it was is inside.
        while (exception is TypeInitializationException or TargetInvocationException && exception.InnerException is { } inner)
            exception = inner;
        string? message;
        try
        {
            message = exception.Message;
        }
        catch (Exception)
        {
            message = null;
        }

        string line = string.Join(' ', (message ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        line = Shown(line);
        return line.Length > 0 ? line : $"{NameOf(exception.GetType())}, without a message";
    }

    /// <summary>The name of a third party's type, which metadata allows to be any text.</summary>
    public static string NameOf(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Shown(type.Name);
    }

    /// <summary>
    /// The text with a question mark for each character that is not shown as one: control characters, which a terminal obeys, marks that
    /// turn the direction of what follows them or are invisible, line separators, and halves of characters.
    /// </summary>
    public static string Shown(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IsShown(text) ? text : string.Create(text.Length, text, static (line, all) =>
        {
            for (int i = 0; i < all.Length; i++)
            {
                int length = i + 1 < all.Length && char.IsSurrogatePair(all[i], all[i + 1]) ? 2 : 1;
                bool shown = IsShown(all, i);
                for (int last = i + length - 1; i < last; i++) line[i] = shown ? all[i] : '?';
                line[i] = shown ? all[i] : '?';
            }
        });
    }

    /// <summary>True if every character of a text is shown as one.</summary>
    public static bool IsShown(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (int i = 0; i < text.Length; i++)
        {
            if (!IsShown(text, i)) return false;
            if (char.IsHighSurrogate(text[i])) i++;
        }

        return true;
    }

    // Of a pair, asked at its first half; a half alone is a surrogate.
    private static bool IsShown(string text, int index) => CharUnicodeInfo.GetUnicodeCategory(text, index) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate);
}
