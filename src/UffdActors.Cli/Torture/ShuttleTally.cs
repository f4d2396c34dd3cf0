using System.Globalization;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>
/// What both processes of a shuttle have told, a line for each migration and each guest that has ended. Safe for any thread.
/// </summary>
internal sealed class ShuttleTally
{
    /// <summary>A guest has ended, and is what it must be.</summary>
    public const string Ended = "ended";

    private const string MovedWord = "moved";
    private readonly Lock _gate = new();
    private readonly List<TimeSpan> _downtimes = [];
    private int _ran;
    private int _guests;
    private int _copied;
    private long _lostLinks;

    /// <summary>Migrations so far.</summary>
    public int Moves
    {
        get
        {
            lock (_gate) return _downtimes.Count;
        }
    }

    /// <summary>Guests that have ended, each as it must.</summary>
    public int Guests
    {
        get
        {
            lock (_gate) return _guests;
        }
    }

    /// <summary>The line about a migration.</summary>
    /// <param name="ran">vCPUs that had not halted when the guest left.</param>
    /// <param name="report">The source's report.</param>
    public static string Moved(int ran, MigrationSourceReport report) => string.Create(
        CultureInfo.InvariantCulture, $"{MovedWord} {ran} {report.Downtime.Ticks} {report.LostLinks} {report.Rounds}");

    /// <summary>Takes a line.</summary>
    /// <returns>False if it is none.</returns>
    public bool TryTake(string line)
    {
        string[] words = line.Split(' ');
        lock (_gate)
        {
            switch (words)
            {
                case [Ended]:
                    _guests++;
                    return true;
                case [MovedWord, var ran, var ticks, var links, var rounds]:
                    _downtimes.Add(TimeSpan.FromTicks(long.Parse(ticks, CultureInfo.InvariantCulture)));
                    if (ran != "0") _ran++;
                    if (rounds != "0") _copied++;
                    _lostLinks += long.Parse(links, CultureInfo.InvariantCulture);
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>What came of it.</summary>
    /// <param name="cuts">Links that were cut.</param>
    /// <param name="time">How long it took.</param>
    /// <param name="flaw">What is wrong; null if nothing is.</param>
    public ShuttleResult Result(int cuts, TimeSpan time, string? flaw)
    {
        lock (_gate)
        {
            TimeSpan[] sorted = [.. _downtimes.Order()];
            return new ShuttleResult(
                sorted.Length, _ran, _copied, _guests, cuts, _lostLinks, sorted.Length == 0 ? TimeSpan.Zero : sorted[sorted.Length / 2],
                sorted.LastOrDefault(), time, flaw);
        }
    }
}
