namespace UffdActors.Pictures.Html;

/// <summary>An SVG document in a page.</summary>
/// <param name="Id">Name within the page: letters and hyphens.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Summary">What is to be seen in it.</param>
/// <param name="Svg">The element svg, without script, with everything in it escaped.</param>
/// <param name="Text">The same as text.</param>
internal sealed record HtmlDrawing(string Id, string Title, string Summary, string Svg, string Text);
