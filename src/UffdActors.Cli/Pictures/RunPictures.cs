using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;
using UffdActors.Pictures.Timeline;

namespace UffdActors.Cli.Pictures;

/// <summary>What a command keeps of its run for pictures: nothing, unless one is asked for.</summary>
internal sealed class RunPictures
{
    private const int SpansOfTimeline = 20_000;

    private readonly Terminal _terminal;
    private readonly string? _html;
    private readonly string? _timeline;

    private RunPictures(Terminal terminal, string? html, string? timeline, bool hasUi)
    {
        _terminal = terminal;
        _html = html;
        _timeline = timeline;
        // Drawn only on a terminal that can move the cursor.
        HasUi = hasUi && terminal.IsInteractive && terminal.Progress.Profile.Capabilities.Ansi;
        if (html is not null || timeline is not null || HasUi) Recorder = new RunRecorder(timeline is null ? 0 : SpansOfTimeline);
    }

    /// <summary>Reads what is asked for.</summary>
    /// <exception cref="CommandException">A file cannot be written.</exception>
    public static RunPictures Of(Terminal terminal, PictureOptions options, ParseResult arguments) =>
        new(terminal, options.Html(arguments), options.Timeline(arguments), options.HasUi(arguments));

    /// <summary>True if the run is drawn while it is under way.</summary>
    public bool HasUi { get; }

    /// <summary>True if a timeline is written.</summary>
    public bool HasTimeline => _timeline is not null;

    /// <summary>What is kept; null if no picture is asked for.</summary>
    public RunRecorder? Recorder { get; }

    /// <summary>Called with each fault; null if no picture needs them.</summary>
    public Action<FaultTrace>? FaultObserver => Recorder is null ? null : Recorder.Take;

    /// <summary>Does the work, and collects and draws figures meanwhile.</summary>
    /// <param name="title">What runs, for the live view.</param>
    /// <param name="run">The run, as soon as there is one to look at; null before.</param>
    /// <param name="shown">Shows progress in the usual way, and nothing that would be in the way of what is drawn.</param>
    /// <param name="work">The work.</param>
    /// <param name="snapshot">How it is now, for the number of cells of a map; null for what the recorder says.</param>
    public async Task<T> WhileAsync<T>(
        string title, Func<WatchedRun?> run, Func<Func<Task<T>>, Task<T>> shown, Func<Task<T>> work,
        Func<int, LiveSnapshot>? snapshot = null)
    {
        if (Recorder is not { } recorder) return await shown(work);
        await using RunWatch watch = new(() =>
        {
            if (run() is { } watched) recorder.Begin(watched);
            recorder.Look();
        });
        return await shown(HasUi ? () => LiveScreen.WhileAsync(_terminal, title, snapshot ?? recorder.Snapshot, work) : work);
    }

    /// <summary>Writes the pictures that are asked for.</summary>
    /// <param name="report">The page about what has happened.</param>
    /// <param name="title">Name of the run.</param>
    /// <param name="isRemote">True if pages came over a wire.</param>
    public void Write(Func<RunHistory, HtmlReport> report, string title, bool isRemote)
    {
        if (Recorder is null || (_html is null && _timeline is null)) return;
        RunHistory history = Recorder.History();
        if (_html is not null) PictureFile.Write(PictureOptions.HtmlName, _html, HtmlPage.Of(report(history)));
        if (_timeline is not null) PictureFile.Write("--timeline", _timeline, TraceEvents.Of(history, title, isRemote));
    }
}
