using System.CommandLine;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Options;

/// <summary>The options of a command whose run can be looked at: a page, a timeline, a live view.</summary>
internal sealed class PictureOptions
{
    /// <summary>Name of the option for a page.</summary>
    public const string HtmlName = "--html";

    private readonly Option<string?> _html = Page();
    private readonly Option<string?> _timeline = TypedOptions.Text(
        "--timeline", "FILE", "Write what happened as trace events, which Perfetto opens: faults hop by hop, pushes, incidents.");

    private readonly Option<bool> _ui = TypedOptions.Flag(
        "--ui",
        "Draw the run while it is under way: memory map, rates, latency, vCPUs, incidents. Off where standard error is no terminal.");

    /// <summary>The option for a page, for a command that has no more than that.</summary>
    public static Option<string?> Page() =>
        TypedOptions.Text(HtmlName, "FILE", "Write the result as a page to look at: one file that needs no network.");

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasTimeline">True if faults are seen one by one.</param>
    /// <returns>The options that were added.</returns>
    public IReadOnlyList<Option> AddTo(Command command, bool hasTimeline)
    {
        Option[] added = hasTimeline ? [_html, _timeline, _ui] : [_html, _ui];
        foreach (Option option in added) command.Options.Add(option);
        return added;
    }

    /// <summary>Where the page goes; null for none. A file that cannot be written is known before the work begins.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public string? Html(ParseResult arguments) => Checked(arguments, _html);

    /// <summary>Where the timeline goes; null for none.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public string? Timeline(ParseResult arguments) => arguments.CommandResult.Command.Options.Contains(_timeline)
        ? Checked(arguments, _timeline) : null;

    /// <summary>True if the run is to be drawn while it is under way.</summary>
    public bool HasUi(ParseResult arguments) => arguments.GetValue(_ui);

    /// <summary>The options as they stand on the command line, for a process that is started with them.</summary>
    public IReadOnlyList<string> Words(ParseResult arguments)
    {
        List<string> words = [];
        if (arguments.GetValue(_html) is { } html) words.AddRange([_html.Name, html]);
        if (arguments.GetValue(_timeline) is { } timeline) words.AddRange([_timeline.Name, timeline]);
        return words;
    }

    private static string? Checked(ParseResult arguments, Option<string?> option)
    {
        if (arguments.GetValue(option) is not { } path) return null;
        WritableFile.Check(option.Name, path);
        return path;
    }
}
