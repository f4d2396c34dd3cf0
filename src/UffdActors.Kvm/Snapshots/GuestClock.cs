using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Runs a guest up to a point, and leaves it paused there.</summary>
internal static class GuestClock
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    /// <summary>Share of the visits that a paused guest has made, over all vCPUs.</summary>
    public static async Task<double> ShareAsync(SnapshotGuest guest, CancellationToken cancel)
    {
        double sum = 0;
        foreach (KvmVcpu vcpu in guest.Machine.Vcpus)
        {
            KvmVcpuState state = await vcpu.SaveAsync(cancel);
            sum += state.IsHalted ? 1 : GuestMeter.ShareOf(guest.Plan, state.Regs);
        }

        return sum / guest.Machine.Vcpus.Count;
    }

    /// <summary>Runs it until each vCPU has finished the rounds of its brake.</summary>
    /// <returns>Time stamp at which all of them were paused.</returns>
    /// <exception cref="TimeoutException">It does not get there.</exception>
    public static async Task<long> RunToBrakeAsync(SnapshotGuest guest, TimeSpan deadline, CancellationToken cancel)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(deadline);
        try
        {
            if (guest.Brake!.Reached.IsCompleted) return Stopwatch.GetTimestamp();
            await guest.Machine.ResumeAsync(late.Token);
            await guest.Brake.Reached.WaitAsync(late.Token);
            await guest.Machine.PauseAsync(late.Token);
            return Stopwatch.GetTimestamp();
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Late(guest, deadline);
        }
    }

    /// <summary>
    /// Runs it for a time, or until it has made a share of its visits: in steps, after each of which its registers are looked at. It may
    /// have gone further, or have ended.
    /// </summary>
    /// <param name="guest">The guest, paused.</param>
    /// <param name="share">Share, 0 to 1.</param>
    /// <param name="time">Time instead; null for the share.</param>
    /// <param name="deadline">How long that may take.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>Time stamp at which it began to be paused.</returns>
    /// <exception cref="TimeoutException">It does not get there.</exception>
    public static async Task<long> RunUntilAsync(
        SnapshotGuest guest, double share, TimeSpan? time, TimeSpan deadline, CancellationToken cancel)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(deadline);
        try
        {
            double from = await ShareAsync(guest, late.Token);
            TimeSpan ran = TimeSpan.Zero;
            long pausing = Stopwatch.GetTimestamp();
            if (share <= from && time is null) return pausing;
            TimeSpan step = time ?? First;
            while (true)
            {
                await guest.Machine.ResumeAsync(late.Token);
                long begun = Stopwatch.GetTimestamp();
                // A guest that ends earlier is waited for no longer.
                _ = await Task.WhenAny(
                    Task.WhenAll(guest.Machine.Vcpus.Select(v => v.Ended)), Task.Delay(step, TimeProvider.System, late.Token));
                late.Token.ThrowIfCancellationRequested();
                pausing = Stopwatch.GetTimestamp();
                await guest.Machine.PauseAsync(late.Token);
                ran += Stopwatch.GetElapsedTime(begun);
                if (guest.Machine.Vcpus.Any(v => v.View.End is { IsDone: false })) return pausing;
                double now = await ShareAsync(guest, late.Token);
                if (time is not null || now >= share || guest.Machine.Vcpus.All(v => v.Phase == VcpuPhase.Ended)) return pausing;
                // Nearly there by the speed so far, so that few pauses are made and it does not run far beyond.
                step = now > from ? ran * (0.9 * (share - now) / (now - from)) : step * 2;
                step = TimeSpan.FromTicks(Math.Clamp(step.Ticks, First.Ticks / 2, Longest.Ticks));
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Late(guest, deadline);
        }
    }

    private static TimeoutException Late(SnapshotGuest guest, TimeSpan deadline)
    {
        string asked = guest.Userfault.OutstandingPages() is [var page, ..] ? Text($"; page {page.Page} is asked for and not there") : "";
        return new TimeoutException(
            Text($"The guest has not come to the point of its snapshot within {deadline.TotalSeconds:0.###} s{asked}."));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
