using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Serve;

namespace UffdActors.Cli.Reports;

/// <summary>What a daemon says, for people.</summary>
internal static class DaemonText
{
    /// <summary>How it is.</summary>
    public static void Write(Terminal terminal, DaemonStatus status)
    {
        terminal.WriteLine(
            $"process {status.Process}, {status.Program}, up {Figures.Time(TimeSpan.FromMicroseconds(status.UptimeNs / 1000.0))}, state in "
                + $"{status.State}{(status.KeepsDescriptors ? ", descriptors with the service manager" : "")}");
        terminal.WriteLine(
            $"{Figures.Count(status.Sessions, "session", "sessions")}, {Figures.Count(status.Guests, "guest", "guests")} served, "
                + $"{Figures.Count(status.Lost)} lost; {Figures.Count(status.TakenBack)} taken back at the start, "
                + $"{Figures.Count(status.Ended)} ended since, {Figures.Count(status.Refused)} refused");
        if (status.WorkingSets is { } sets) terminal.WriteLine($"working sets of all guests: {TextOf(sets)}");
    }

    /// <summary>Sessions and their guests.</summary>
    public static void Write(Terminal terminal, IReadOnlyList<SessionStatus> sessions)
    {
        foreach (SessionStatus session in sessions)
        {
            terminal.WriteLine(
                $"session {session.Spec.Session}: {session.Spec.Memory} at {session.Spec.Socket}, "
                    + $"{Figures.Count(session.Guests.Count, "guest", "guests")}; one that cannot be served on is "
                    + $"{(session.Spec.OnFailure == FailurePolicy.Kill ? "killed" : "left asleep")}");
            foreach (GuestStatus guest in session.Guests) terminal.WriteLine(LineOf(guest));
        }
    }

    private static string TextOf(WorkingSetFigures set) => set.HitRate is { } rate
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"{set.Fetched:N0} pages fetched ahead, {set.Late:N0} late, {set.Missed:N0} missed, hit rate {100 * rate:0.0} %")
        : $"{Figures.Count(set.Recorded, "page", "pages")} recorded";

    private static string LineOf(GuestStatus guest)
    {
        string state = guest.State.ToString().ToLowerInvariant();
        string line = $"  guest {guest.Number}: process {guest.Process}, {state}";
        if (guest.IsTakenBack) line += ", taken back";
        if (guest.Dialect is { } dialect) line += $", {dialect}, {SizeText.Of(guest.Bytes ?? 0)}";
        if (guest.Figures is { } figures)
            line += $"; {Figures.Count(figures.Faults, "fault", "faults")}{Figures.AndRepeats(figures.Repeats)}, "
                + $"{Figures.Count(figures.FaultsInFlight)} in flight, "
                + $"{SizeText.Of(figures.BytesRead)} read, {Figures.Count(figures.AbsentPages)} pages absent"
                + (figures.WorkingSet is { } set ? $"; working set: {TextOf(set)}" : "");
        return guest.Problem is { } problem ? $"{line}: {problem}" : line;
    }
}
