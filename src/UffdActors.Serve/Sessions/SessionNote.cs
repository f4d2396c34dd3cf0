namespace UffdActors.Serve;

/// <summary>Something that has happened to a session.</summary>
/// <param name="Kind">What.</param>
/// <param name="Message">One sentence.</param>
public sealed record SessionNote(SessionNoteKind Kind, string Message);
