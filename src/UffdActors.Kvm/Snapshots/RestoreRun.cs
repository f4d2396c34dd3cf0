using System.Diagnostics;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Restores a guest: it starts at once, with all of its memory absent, and is served from the snapshot's files. In the end its result has
/// to be the one in the state, which is that of the guest without interruption.
/// </summary>
internal static class RestoreRun
{
    /// <summary>Restores a guest, and runs it to its end.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="snapshot">The snapshot, just opened; stays the caller's.</param>
    /// <param name="begun">Time stamp from before it was opened.</param>
    /// <param name="options">How.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="KvmSnapshotException">A file has changed meanwhile, or the snapshot is another machine's.</exception>
    /// <exception cref="KvmStateException">This machine refuses the state.</exception>
    public static async Task<RestoreReport> RunAsync(
        UffdRuntime runtime, KvmHost kvm, Snapshot snapshot, long begun, RestoreOptions options, CancellationToken cancel = default)
    {
        TimeSpan opened = Stopwatch.GetElapsedTime(begun);
        using CancellationTokenSource broken = CancellationTokenSource.CreateLinkedTokenSource(cancel, snapshot.Memory.Broken);
        try
        {
            using SnapshotSource files = new(snapshot.Memory, NextCodePage(snapshot.Document));
            using IPageSource source = options.AroundSource?.Invoke(files) ?? files;
            await using SnapshotGuest guest = await SnapshotGuest.StartAsync(
                runtime, kvm,
                new SnapshotGuestOptions
                {
                    Plan = snapshot.Document.Plan(),
                    Source = source,
                    Content = snapshot.Memory.ReadPage,
                    Snapshot = snapshot.Document,
                    Backend = options.Backend,
                    Handlers = options.Handlers,
                    IncidentObserver = options.IncidentObserver,
                },
                broken.Token);
            await guest.Machine.ResumeAsync(broken.Token);
            long running = Stopwatch.GetTimestamp();
            BackgroundPush? push = options.Prefetch is { } order ? await guest.PushAsync(source, order, broken.Token) : null;
            IReadOnlyList<VcpuEnd> ends = await guest.Machine.RunAsync(options.Deadline, guest.Userfault, broken.Token);
            TimeSpan duration = Stopwatch.GetElapsedTime(running);
            if (push is not null) await push.StopAsync(broken.Token);
            GuestResult result = await guest.ResultAsync(ends, duration, broken.Token) with
            {
                PushedPages = push is null ? 0 : push.Pages + push.ZeroPages,
            };
            snapshot.Memory.CheckUnchanged();
            return new RestoreReport(
                SnapshotVerdict.Differences(snapshot.Document.Result(), result), result, opened, Stopwatch.GetElapsedTime(begun, running),
                files.WatchedAt is > 0 and var at ? Stopwatch.GetElapsedTime(begun, Math.Max(at, running)) : null);
        }
        catch (OperationCanceledException) when (snapshot.Memory.Flaw is { } flaw && !cancel.IsCancellationRequested)
        {
            throw flaw;
        }
    }

    // A virtual address is an offset into the guest's memory.
    private static long? NextCodePage(SnapshotDocument document)
    {
        foreach (KvmVcpuState state in KvmMachine.Parse(document.State.Vcpus))
        {
            if (!state.IsHalted) return (long)(state.Regs.Rip >> GuestPlan.PageShift);
        }

        return null;
    }
}
