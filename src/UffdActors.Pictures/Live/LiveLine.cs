namespace UffdActors.Pictures.Live;

/// <summary>A line of the live view.</summary>
/// <param name="Spans">Its pieces.</param>
internal sealed record LiveLine(IReadOnlyList<LiveSpan> Spans)
{
    /// <summary>Its text.</summary>
    public string Text => string.Concat(Spans.Select(s => s.Text));

    /// <summary>A line of one style.</summary>
    public static LiveLine Of(string text, LiveStyle style = LiveStyle.Plain) => new([new LiveSpan(text, style)]);

    /// <summary>The same, no longer than a width.</summary>
    public LiveLine Cut(int width)
    {
        List<LiveSpan> cut = [];
        int left = width;
        foreach (LiveSpan span in Spans)
        {
            if (left <= 0) break;
            string text = span.Text.Length <= left ? span.Text : span.Text[..left];
            cut.Add(span with { Text = text });
            left -= text.Length;
        }

        return new LiveLine(cut);
    }
}
