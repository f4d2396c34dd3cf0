using Spectre.Console;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Reports;

/// <summary>Shows how far work is while it is done: a bar on a terminal, a plain line a second elsewhere.</summary>
internal static class BarOrLines
{
    private static readonly TimeSpan Plain = TimeSpan.FromSeconds(1);

    /// <summary>Time between two drawings of the bar.</summary>
    public static TimeSpan Frame { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Does the work.</summary>
    /// <param name="terminal">Where progress is shown.</param>
    /// <param name="write">Writes a line about the progress.</param>
    /// <param name="draw">Sets the bar.</param>
    /// <param name="work">The work.</param>
    public static async Task<T> WhileAsync<T>(Terminal terminal, Action write, Action<ProgressTask> draw, Func<Task<T>> work)
    {
        if (!terminal.IsInteractive)
        {
            await using Timer timer = new(_ => write(), null, Plain, Plain);
            return await work();
        }

        return await terminal.Progress.Progress().AutoClear(true).HideCompleted(false)
            .Columns(
                new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(),
                new PercentageColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask("preparing", maxValue: 1);
                await using Timer timer = new(_ => draw(bar), null, Frame, Frame);
                return await work();
            });
    }
}
