namespace UffdActors.Serve;

/// <summary>Something that has happened at a server.</summary>
/// <param name="Kind">What.</param>
/// <param name="Number">Number of the session, from 1; null for a hand-over that was refused.</param>
/// <param name="Session">The session; null for a hand-over that was refused.</param>
/// <param name="End">How it has ended; null before.</param>
/// <param name="Message">What is told in a sentence; empty where the session itself is the news.</param>
/// <param name="NoteKind">Of a note: what it is about.</param>
public sealed record ServeEvent(
    ServeEventKind Kind, int? Number, GuestSession? Session, SessionEnd? End, string Message, SessionNoteKind? NoteKind = null);
