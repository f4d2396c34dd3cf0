using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm.Runs;
using UffdActors.Pictures.Recording;

namespace UffdActors.Cli.Reports;

/// <summary>Shows how far a guest is: a bar on a terminal, a plain line a second elsewhere. Only looks on from outside.</summary>
internal sealed class VmmProgress(Terminal terminal)
{
    private const int ConsoleShown = 24;

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

    /// <summary>What is told of incidents as well; null for none.</summary>
    public RunRecorder? Recorder { get; init; }

    /// <summary>True if the run is drawn by something else: then nothing is written while it is.</summary>
    public bool IsDrawnElsewhere { get; init; }

    /// <summary>Takes an incident, from any thread.</summary>
    public void Take(Incident incident)
    {
        lock (_incidents) _incidents.Add(incident.Message);
        Recorder?.Take(incident);
    }

    /// <summary>Does the work, and shows progress meanwhile.</summary>
    public async Task<T> WhileAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return IsDrawnElsewhere ? await work() : await BarOrLines.WhileAsync(terminal, Tell, Draw, work);
        }
        finally
        {
            foreach (string incident in Incidents) terminal.WriteError(incident);
        }
    }

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
