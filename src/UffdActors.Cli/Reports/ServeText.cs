using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Serve;

namespace UffdActors.Cli.Reports;

/// <summary>What a server of guests tells people: a line for each thing that happens.</summary>
/// <param name="terminal">Where.</param>
/// <param name="policy">What becomes of a guest that cannot be served on.</param>
/// <param name="session">Name of the session of a daemon whose guests they are; null for a server that has one kind of guests.</param>
internal sealed class ServeText(Terminal terminal, FailurePolicy policy, string? session = null)
{
    /// <summary>Says that VMMs can connect.</summary>
    public void WriteStart(HandOverListener listener, SessionOptions session, long bytes, long stored)
    {
        string diffs = session.Diffs.Count == 0 ? "" : $" with {Figures.Count(session.Diffs.Count, "diff", "diffs")}";
        terminal.WriteLine(
            $"serving {session.MemoryPath}{diffs} ({SizeText.Of(bytes)}, {Figures.Share(stored, bytes)} of it stored) to VMMs that connect "
                + $"to {listener.Path}; a guest that cannot be served on is {(policy == FailurePolicy.Kill ? "killed" : "left asleep")}");
        if (listener.Advice is { } advice) terminal.WriteStatus($"note: {advice}");
    }

    /// <summary>Says what has happened.</summary>
    public void Write(ServeEvent what)
    {
        switch (what)
        {
            case { Kind: ServeEventKind.Refused }:
                terminal.WriteError($"{(session is null ? "" : $"session {session}: ")}a hand-over was refused: {what.Message}");
                break;
            case { Kind: ServeEventKind.Note }:
                terminal.WriteError($"{Name(what.Number)}: {what.Message}");
                break;
            case { Kind: ServeEventKind.Began, Session: { } guest }:
                terminal.WriteLine(
                    $"{Name(what.Number)}: {NameOf(guest.ProcessId)}, {guest.Message.Dialect}, "
                        + $"{Figures.Count(guest.Message.Regions.Count, "region", "regions")} of {SizeText.Of(guest.Message.Bytes)}; "
                        + $"{(guest.IsTakenBack ? "taken back" : "served")} after {Figures.Time(guest.Figures().SetUp)}");
                if (guest.VmmKeepsCopy == false)
                    terminal.WriteError(
                        $"{Name(what.Number)}: the VMM has closed its own descriptor of the userfaultfd, so it will be killed when this "
                            + $"process ends: its guest would read zeros.");
                break;
            case { Kind: ServeEventKind.Ended, Session: { } guest, End: { } end }:
                WriteEnd(what.Number!.Value, guest.ProcessId, end, guest.Figures());
                break;
        }
    }

    /// <summary>Says for each guest that is there when the command is to end whether it is killed or left.</summary>
    public void WriteLeaving(IReadOnlyList<(int Number, GuestSession Session)> sessions)
    {
        foreach ((int number, GuestSession session) in sessions)
        {
            bool isKilled = policy == FailurePolicy.Kill || session.VmmKeepsCopy == false;
            terminal.WriteStatus(
                $"session {number}: {NameOf(session.ProcessId)} is {(isKilled ? "killed" : "left, its guest asleep when it touches a page "
                    + "that is absent")}");
        }
    }

    /// <summary>Writes the totals.</summary>
    public void WriteEnd(ServeTally tally, ContentCacheFigures? cache)
    {
        terminal.WriteLine(
            $"{Figures.Count(tally.Ended, "session", "sessions")} ended, "
                + $"{Figures.Count(tally.Refused, "hand-over", "hand-overs")} refused, "
                + $"{Figures.Count(tally.Killed, "VMM", "VMMs")} killed, {Figures.Count(tally.LeftFrozen, "guest", "guests")} left asleep");
        if (cache is null) return;
        terminal.WriteLine(
            $"cache: {Figures.Count(cache.Hits, "hit", "hits")}, {Figures.Count(cache.Misses, "miss", "misses")}, "
                + $"{SizeText.Of(cache.BytesFetched)} fetched in {Figures.Count(cache.Fetches, "chunk", "chunks")}, "
                + $"{Figures.Count(cache.Evicted)} dropped, {SizeText.Of(cache.BytesHeld)} held");
    }

    private void WriteEnd(int number, int process, SessionEnd end, SessionFigures figures)
    {
        WriteFigures(number, process, end, figures);
        if (figures.WorkingSet is not { } set) return;
        if (set.Recorded > 0)
            terminal.WriteLine($"{Name(number)}: working set of {Figures.Count(set.Recorded, "page", "pages")} recorded");
        if (set is { HitRate: not null, Pages: > 0 })
            terminal.WriteLine(
                $"{Name(number)}: working set of {Figures.Count(set.Pages, "page", "pages")}, {Figures.Count(set.Fetched)} fetched "
                    + $"ahead, {Figures.Count(set.Late)} asked for before they came, {Figures.Count(set.Missed)} besides; "
                    + $"hit rate {Figures.Share(set.Fetched, set.Fetched + set.Late + set.Missed)}");
    }

    private void WriteFigures(int number, int process, SessionEnd end, SessionFigures figures) => terminal.WriteLine(
        $"{Name(number)}: {TextOf(end, process)} after {Figures.Time(figures.Duration)}; "
            + $"{Figures.Count(figures.Faults, "fault", "faults")}{Figures.AndRepeats(figures.Repeats)}, "
            + $"{Figures.Count(figures.ContentPages, "page", "pages")} of the file, {Figures.Count(figures.ZeroPages)} of zeros, "
            + $"{SizeText.Of(figures.BytesRead)} read, {Figures.Time(figures.ReadMean)} a read and {Figures.Time(figures.ReadLongest)} at "
            + $"most, {Figures.Count(figures.AbsentPages)} never asked for");

    private static string TextOf(SessionEnd end, int process) => end switch
    {
        SessionEnd.VmmEnded => "the VMM has ended",
        SessionEnd.VmmKilled => "the VMM was killed",
        SessionEnd.Released => $"the guest of {NameOf(process)} has all its pages, and is released",
        _ => $"the guest of {NameOf(process)} is left asleep (it sleeps when it touches a page that is absent)",
    };

    private string Name(int? number) => session is null ? $"session {number}" : $"session {session}, guest {number}";

    private static string NameOf(int process) => process == 0 ? "a process of another PID namespace" : $"process {process}";
}
