using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Pictures.Recording;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>Shows how far a migration is: a bar on a terminal, a plain line a second elsewhere. Only looks on from outside.</summary>
internal sealed class PostCopyProgress(Terminal terminal)
{
    private readonly List<string> _incidents = [];
    private volatile bool _isOver;

    /// <summary>What went wrong without ending the run, as it was told.</summary>
    public IReadOnlyList<string> Incidents
    {
        get
        {
            lock (_incidents) return [.. _incidents];
        }
    }

    /// <summary>The migration, once there is one.</summary>
    public PostCopyMigration? Migration { get; set; }

    /// <summary>What is told of incidents as well; null for none.</summary>
    public RunRecorder? Recorder { get; init; }

    /// <summary>True if the run is drawn by something else: then nothing is written while it is.</summary>
    public bool IsDrawnElsewhere { get; init; }

    /// <summary>Does the work, and shows progress meanwhile.</summary>
    public async Task<T> WhileAsync<T>(Func<Task<T>> work)
    {
        try
        {
            if (IsDrawnElsewhere) return await ListenedWhileAsync(work);
            return await BarOrLines.WhileAsync(terminal, Tell, Draw, work);
        }
        finally
        {
            TellIncidents();
            // Lines are written after the bar has been removed: it would be drawn over them.
            foreach (string incident in IsDrawnElsewhere ? Incidents : []) terminal.WriteError(incident);
        }
    }

    private async Task<T> ListenedWhileAsync<T>(Func<Task<T>> work)
    {
        await using Timer timer = new(_ => TellIncidents(), null, BarOrLines.Frame, BarOrLines.Frame);
        return await work();
    }

    // A line each: what went wrong without ending the run, and what the run had to do without.
    private void TellIncidents()
    {
        while (!_isOver && Migration?.Incidents is { } incidents && incidents.TryRead(out Incident? incident))
        {
            // The command itself says how the migration has ended; what follows only repeats it. The log may have dropped the first.
            _isOver = PostCopyMigration.IsEnd(incident) || (incident.Kind == IncidentKind.PageLost && Migration.HasFlawedImage);
            if (_isOver) return;
            lock (_incidents) _incidents.Add(incident.Message);
            Recorder?.Take(incident);
            if (!IsDrawnElsewhere) terminal.WriteError(incident.Message);
        }
    }

    private void Tell()
    {
        TellIncidents();
        if (Migration?.Snapshot() is { } now) terminal.WriteStatus(Describe(now));
    }

    private void Draw(ProgressTask bar)
    {
        TellIncidents();
        if (Migration?.Snapshot() is not { } now) return;
        bar.Description = Describe(now).EscapeMarkup();
        bar.MaxValue = now.Pages;
        bar.Value = now.ReceivedPages;
    }

    private static string Describe(PostCopySnapshot now) => now.Phase == PostCopyPhase.Verifying
        ? "verifying"
        : $"migrating: {Figures.Count(now.ReceivedPages)} of {Figures.Count(now.Pages)} pages, {Figures.Count(now.Faults)} faults, "
            + $"{Figures.Count(now.Outstanding)} under way";
}
