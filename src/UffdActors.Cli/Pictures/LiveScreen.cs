using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Live;
using UffdActors.Pictures.Recording;

namespace UffdActors.Cli.Pictures;

/// <summary>Draws a run on a terminal while it is under way, some times a second and in the size that the terminal has then.</summary>
internal static class LiveScreen
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(200);

    /// <summary>Does the work, and draws the run meanwhile.</summary>
    public static Task<T> WhileAsync<T>(Terminal terminal, string title, Func<int, LiveSnapshot> snapshot, Func<Task<T>> work)
    {
        IAnsiConsole console = terminal.Progress;
        return console.Live(Text.Empty).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            await using RunWatch frames = new(() => live.UpdateTarget(Drawn(console, title, snapshot)), Frame);
            return await work();
        });
    }

    /// <summary>What is drawn now.</summary>
    internal static Paragraph Drawn(IAnsiConsole console, string title, Func<int, LiveSnapshot> snapshot)
    {
        // The last line is left free: a terminal scrolls when it is filled.
        int width = Math.Max(1, console.Profile.Width - 1);
        int height = Math.Max(1, console.Profile.Height - 1);
        Paragraph text = new();
        foreach (LiveLine line in LiveView.Of(title, snapshot(LiveView.CellsFor(width, height)), width, height))
        {
            foreach (LiveSpan span in line.Spans) _ = text.Append(span.Text, StyleOf(span.Style));
            _ = text.Append("\n");
        }

        return text;
    }

    private static Style StyleOf(LiveStyle style) => style switch
    {
        LiveStyle.Dim => new Style(decoration: Decoration.Dim),
        LiveStyle.Strong => new Style(decoration: Decoration.Bold),
        LiveStyle.Alarm => new Style(Color.Red),
        LiveStyle.Demand => new Style(Color.Orange1),
        LiveStyle.Push => new Style(Color.DodgerBlue1),
        LiveStyle.Zero => new Style(Color.SkyBlue1),
        LiveStyle.Requested => new Style(Color.Fuchsia),
        LiveStyle.Other => new Style(Color.Green),
        _ => Style.Plain,
    };
}
