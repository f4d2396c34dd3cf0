namespace UffdActors.PostCopy.Wire;

/// <summary>Text of a peer for display: one line, without control characters.</summary>
internal static class PlainText
{
    /// <summary>The text without control characters.</summary>
    public static string Of(string text) => string.Create(text.Length, text, (line, all) =>
    {
        for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(all[i]) || char.IsSurrogate(all[i]) ? '?' : all[i];
    });
}
