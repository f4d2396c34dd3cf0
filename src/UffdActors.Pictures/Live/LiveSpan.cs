namespace UffdActors.Pictures.Live;

/// <summary>Text in one style.</summary>
/// <param name="Text">The text.</param>
/// <param name="Style">Its style.</param>
internal readonly record struct LiveSpan(string Text, LiveStyle Style);
