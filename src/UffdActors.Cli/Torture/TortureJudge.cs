using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>
/// What the ends of a migration must have said and written, whatever has happened to it; each check that fails is a flaw.
/// </summary>
internal static class TortureJudge
{
    /// <summary>Both ends are there, and have come to their end.</summary>
    /// <param name="sent">Exit code of the source.</param>
    /// <param name="source">Its report.</param>
    /// <param name="received">Exit code of the destination.</param>
    /// <param name="destination">Its report.</param>
    /// <param name="hash">What the guest's memory must be; null if this run finds it.</param>
    /// <returns>What the memory is.</returns>
    /// <exception cref="TortureException">They do not agree, or it is another.</exception>
    public static string Agree(int sent, JsonElement? source, int received, JsonElement? destination, string? hash)
    {
        Check(sent == ExitCode.Done, $"the source ended with {sent}");
        Check(received == ExitCode.Done, $"the destination ended with {received}");
        string? there = Hash(destination ?? throw new TortureException("the destination has written no report"));
        Check(there is not null && there == Hash(source ?? throw new TortureException("the source has written no report")),
            "the reports of both sides differ");
        Check(hash is null || there == hash, $"the guest's memory is {there} at its end, and must be {hash}");
        return there!;
    }

    /// <summary>Checks a destination that has lost its source and has ended, by itself or because the operator abandoned it.</summary>
    /// <param name="phase">The phase it was in when it lost the source.</param>
    /// <param name="exitCode">Its exit code.</param>
    /// <param name="document">Its report.</param>
    /// <param name="hash">What the guest's memory must be.</param>
    /// <exception cref="TortureException">Its report contradicts that.</exception>
    public static TortureVerdict WithoutSource(DestinationPhase phase, int exitCode, JsonElement? document, string? hash)
    {
        JsonElement report = document ?? throw new TortureException("the destination has ended without a report");
        Check(exitCode == ExitCode.Failed && !Says(report, "verified"), $"the destination ended with {exitCode} without a source");
        Check(Says(report, "hasGuest") == (phase != DestinationPhase.Waiting), "whether it had a guest is not what it said");
        switch (phase)
        {
            case DestinationPhase.Waiting:
                return TortureVerdict.DiedWithSource;
            case DestinationPhase.Running:
                Check(!Says(report, "delivered"), "a guest whose pages are all there was given up");
                return TortureVerdict.WaitsForLostPages;
            default:
                Check(Hash(report) == hash, $"the guest's memory is {Hash(report)} at its end, and must be {hash}");
                return TortureVerdict.EndedWithoutSource;
        }
    }

    /// <summary>A source without its destination has come to its end.</summary>
    /// <param name="document">Its report.</param>
    /// <param name="keepsGuest">The guest must be with it.</param>
    /// <param name="isDelivered">It must know that every page has arrived.</param>
    /// <exception cref="TortureException">The guest is nowhere, or in two places; or it does not know.</exception>
    public static void Source(JsonElement? document, bool keepsGuest, bool isDelivered)
    {
        JsonElement report = document ?? throw new TortureException("the source has ended without a report");
        Check(Says(report, "keepsGuest") == keepsGuest, keepsGuest ? "the guest is nowhere" : "the source runs a guest that is elsewhere");
        Check(!isDelivered || Says(report, "delivered"), "the source does not know that every page has arrived");
    }

    /// <summary>Checks that a destination which was started anew has not run a guest that may run elsewhere.</summary>
    /// <exception cref="TortureException">It has run the guest.</exception>
    public static void Another(JsonElement? document) => Check(
        document is { } report && !Says(report, "hasGuest"), "a guest that may run elsewhere was run by another destination");

    /// <summary>Checks that an end whose peer is gone is in a phase that the frames on the wire allow.</summary>
    /// <param name="phase">Its phase; null if it has ended.</param>
    /// <param name="may">The phases that are allowed.</param>
    /// <exception cref="TortureException">It is in another phase.</exception>
    public static T Phase<T>(string? phase, IReadOnlyList<T> may)
        where T : struct, Enum
    {
        const string Ended = "Ended";
        Check(
            Enum.TryParse(phase ?? Ended, out T at) && may.Contains(at),
            $"{typeof(T).Name} is {phase ?? Ended}, and may be {string.Join(" or ", may)} by what was on the wire");
        return at;
    }

    /// <summary>Checks that an end has refused a command which would lose the guest or run it twice.</summary>
    /// <param name="command">The command.</param>
    /// <param name="answer">What the end said; null if it has ended.</param>
    /// <exception cref="TortureException">The end has carried it out.</exception>
    public static void Refused(string command, string? answer) => Check(
        answer is not null && IsRefused(answer), $"{command}, which loses the guest or runs it twice, was carried out");

    /// <summary>True for the answer to a command that was refused.</summary>
    public static bool IsRefused(string answer) => answer.StartsWith(ControlSocket.Refused, StringComparison.Ordinal);

    /// <summary>A check of its own.</summary>
    /// <exception cref="TortureException">It does not hold.</exception>
    public static void Check(bool holds, string flaw)
    {
        if (!holds) throw new TortureException(flaw);
    }

    private static bool Says(JsonElement report, string name) => report.GetProperty(name).GetBoolean();

    private static string? Hash(JsonElement report) => report.GetProperty("actualSha256").GetString();
}
