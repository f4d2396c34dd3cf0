using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;

namespace UffdActors.Cli.Pictures;

/// <summary>Where the figures of a bench go: a document, a page, or both.</summary>
internal sealed class BenchResults : IDisposable
{
    private readonly JsonTarget _json;
    private readonly string? _html;

    private BenchResults(JsonTarget json, string? html) => (_json, _html) = (json, html);

    /// <summary>Where the report for people goes.</summary>
    public Terminal Report => _json.Report;

    /// <summary>Opens both before the work begins.</summary>
    /// <exception cref="CommandException">A file cannot be written.</exception>
    public static BenchResults Open(Terminal terminal, string? json, string? html)
    {
        if (html is not null) WritableFile.Check(PictureOptions.HtmlName, html);
        return new BenchResults(JsonTarget.Open(terminal, json), html);
    }

    /// <summary>Writes what is asked for.</summary>
    /// <param name="document">The document.</param>
    public void Write(string document)
    {
        _json.Write(document);
        if (_html is not null) PictureFile.Write(PictureOptions.HtmlName, _html, BenchPage.Of(document));
    }

    /// <inheritdoc />
    public void Dispose() => _json.Dispose();
}
