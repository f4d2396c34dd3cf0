using Microsoft.Extensions.Logging;
using UffdActors.Serve;

namespace UffdActors.Hosting;

/// <summary>What is logged of a daemon: events 200 to 209, and of its guests 210 to 219.</summary>
internal static partial class UffdServeLog
{
    [LoggerMessage(200, LogLevel.Information, "Serving at {Control}: sessions {Sessions}, guests of an earlier process {TakenBack}")]
    public static partial void Started(ILogger logger, string control, int sessions, int takenBack);

    [LoggerMessage(201, LogLevel.Information, "Guests left to the next daemon: {Left}")]
    public static partial void Stopped(ILogger logger, int left);

    [LoggerMessage(202, LogLevel.Warning, "{Sentence}")]
    public static partial void Told(ILogger logger, string sentence);

    /// <summary>Logs what has happened to a guest, or to a VMM that has become none.</summary>
    public static void Write(ILogger logger, string session, ServeEvent what)
    {
        switch (what.Kind)
        {
            case ServeEventKind.Began:
                Began(logger, session, what.Number, what.Session?.ProcessId);
                break;
            case ServeEventKind.Ended:
                Ended(logger, session, what.Number, what.End);
                break;
            case ServeEventKind.Refused:
                Refused(logger, session, what.Message);
                break;
            case ServeEventKind.Note when what.NoteKind is SessionNoteKind.Frozen or SessionNoteKind.Killed:
                Failed(logger, session, what.Number, what.NoteKind, what.Message);
                break;
            default:
                Noted(logger, session, what.Number, what.Message);
                break;
        }
    }

    [LoggerMessage(210, LogLevel.Information, "Session {Session}: guest {Guest} of process {Process} is served")]
    private static partial void Began(ILogger logger, string session, int? guest, int? process);

    [LoggerMessage(211, LogLevel.Information, "Session {Session}: guest {Guest} has ended: {End}")]
    private static partial void Ended(ILogger logger, string session, int? guest, SessionEnd? end);

    [LoggerMessage(212, LogLevel.Warning, "Session {Session}: {Reason}")]
    private static partial void Refused(ILogger logger, string session, string reason);

    [LoggerMessage(213, LogLevel.Error, "Session {Session}: guest {Guest}, {Kind}: {Reason}")]
    private static partial void Failed(ILogger logger, string session, int? guest, SessionNoteKind? kind, string reason);

    [LoggerMessage(214, LogLevel.Warning, "Session {Session}: guest {Guest}: {Note}")]
    private static partial void Noted(ILogger logger, string session, int? guest, string note);
}
