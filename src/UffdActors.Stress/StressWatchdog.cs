using System.Diagnostics;
using System.Globalization;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress;

/// <summary>
/// Watches on a thread of its own, and ends the round when an access does not end or there is no progress any more. It takes no lock and
/// allocates nothing in normal operation; but it is a managed thread, and stopped like all others while the runtime is suspended.
/// </summary>
internal sealed class StressWatchdog : IDisposable
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    private readonly StressRound _round;
    private readonly Ledger _ledger;
    private readonly TimeSpan _deadline;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    public StressWatchdog(StressRound round, Ledger ledger, TimeSpan deadline)
    {
        _round = round;
        _ledger = ledger;
        _deadline = deadline;
        _thread = new Thread(Watch) { IsBackground = true, Name = "stress-watchdog" };
        _thread.Start();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private void Watch()
    {
        long last = -1;
        long moved = Stopwatch.GetTimestamp();
        while (!_stop.Wait(Glance))
        {
            if (_round.OldestTouch() is { } oldest && oldest.Age > _deadline)
            {
                _ledger.Violate(
                    StressOracle.Liveness,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"vCPU {oldest.Vcpu} has waited {oldest.Age.TotalSeconds:0.0} s for page {oldest.Page} ({oldest.Doing}); "
                            + $"the deadline is {_deadline.TotalSeconds:0.#} s"),
                    oldest.Page,
                    _round.Describe());
                return;
            }

            long now = _round.Progress;
            if (now != last)
            {
                last = now;
                moved = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(moved) > _deadline + _deadline)
            {
                _ledger.Violate(
                    StressOracle.Liveness,
                    FormattableString.Invariant(
                        $"nothing has moved for {Stopwatch.GetElapsedTime(moved).TotalSeconds:0.0} s: {_round.Phase}"), null,
                        _round.Describe());
                return;
            }
        }
    }
}
