using UffdActors.Pictures.Charts;

namespace UffdActors.Pictures.Html;

/// <summary>A table of a page.</summary>
/// <param name="Id">Name within the page: letters and hyphens.</param>
/// <param name="Title">What it holds.</param>
/// <param name="Summary">A sentence about it.</param>
/// <param name="Table">The table; not shown if it has no row.</param>
internal sealed record HtmlTable(string Id, string Title, string Summary, TextTable Table);
