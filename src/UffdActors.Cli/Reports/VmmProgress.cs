using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm.Runs;

namespace UffdActors.Cli.Reports;

/// <summary>Shows how far a guest is: a bar on a terminal, a plain line a second elsewhere. Only looks on from outside.</summary>
internal sealed class VmmProgress(Terminal terminal)
{
    private const int ConsoleShown = 24;
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Plain = TimeSpan.FromSeconds(1);

    private readonly List<string> _incidents = [];

    /// <summary>What went wrong without ending the run, as it was told.</summary>
    public IReadOnlyList<string> Incidents
    {
        get
        {
            lock (_incidents) return [.. _incidents];
        }
    }

    /// <summary>The guest, once there is one.</summary>
    public GuestRunner? Runner { get; set; }

    /// <summary>Takes an incident, from any thread.</summary>
    public void Take(Incident incident)
    {
        lock (_incidents) _incidents.Add(incident.Message);
    }

    /// <summary>Does the work, and shows progress meanwhile.</summary>
    public async Task<T> WhileAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return terminal.IsInteractive ? await DrawnWhileAsync(work) : await ToldWhileAsync(work);
        }
        finally
        {
            foreach (string incident in Incidents) terminal.WriteError(incident);
        }
    }

    private async Task<T> ToldWhileAsync<T>(Func<Task<T>> work)
    {
        await using Timer timer = new(_ => Tell(), null, Plain, Plain);
        return await work();
    }

    private Task<T> DrawnWhileAsync<T>(Func<Task<T>> work) =>
        terminal.Progress.Progress().AutoClear(true).HideCompleted(false)
            .Columns(
                new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(),
                new PercentageColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask("preparing", maxValue: 1);
                await using Timer timer = new(_ => Draw(bar), null, Frame, Frame);
                return await work();
            });

    private void Tell()
    {
        if (Runner?.Progress() is { } now) terminal.WriteStatus(Describe(now));
    }

    private void Draw(ProgressTask bar)
    {
        if (Runner?.Progress() is not { } now) return;
        bar.Description = Describe(now).EscapeMarkup();
        bar.MaxValue = now.Pages;
        bar.Value = now.ReceivedPages;
    }

    private static string Describe(GuestProgress now)
    {
        string what = now.IsServed
            ? $"served: {Figures.Count(now.ReceivedPages)} of {Figures.Count(now.Pages)} pages, {Figures.Count(now.Faults)} faults, "
                + $"{Figures.Count(now.Outstanding)} under way"
            : "all memory present";
        string console = now.Console.Length > ConsoleShown ? "..." + now.Console[^ConsoleShown..] : now.Console;
        return $"{what}; {Figures.Count(now.RunningVcpus, "vCPU runs", "vCPUs run")}, {Figures.Time(now.Elapsed)}; console {console}";
    }
}
