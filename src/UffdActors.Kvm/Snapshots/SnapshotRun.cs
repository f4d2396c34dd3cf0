using System.Diagnostics;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Model.Mapping;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Runs a guest, takes a snapshot of it on the way, lets it go on to its end, and compares that with the same guest without interruption:
/// one that runs first with all memory present, or, of a guest that is restored from a parent, the result in the parent's state.
/// </summary>
/// <param name="runtime">Runtime of the live world.</param>
/// <param name="kvm">KVM.</param>
/// <param name="options">Which guest and snapshot.</param>
internal sealed class SnapshotRun(UffdRuntime runtime, KvmHost kvm, SnapshotRunOptions options)
{
    /// <summary>Runs.</summary>
    /// <exception cref="KvmSnapshotException">The snapshot cannot be written, or the parent not be read.</exception>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    /// <exception cref="TimeoutException">The guest does not come to the point of the snapshot.</exception>
    public async Task<SnapshotReport> RunAsync(CancellationToken cancel = default)
    {
        GuestPlan plan = options.Plan;
        if (options.Parent?.Memory.Paths.FirstOrDefault(p => Path.GetFullPath(p) == Path.GetFullPath(options.Path)) is { } itself)
            throw new KvmSnapshotException($"\"{itself}\" is a parent of the snapshot that would replace it; name another file.");
        using SnapshotWriter writer = new(options.Path, plan.MemoryBytes >> GuestPlan.PageShift, isLayer: options.Parent is not null);
        if (options.Parent is { } parent)
        {
            using CancellationTokenSource broken = CancellationTokenSource.CreateLinkedTokenSource(cancel, parent.Memory.Broken);
            try
            {
                using SnapshotSource source = new(parent.Memory);
                SnapshotReport report =
                    await TakeAsync(writer, source, parent.Memory.ReadPage, parent.Document.Result(), broken.Token);
                parent.Memory.CheckUnchanged();
                return report;
            }
            catch (OperationCanceledException) when (parent.Memory.Flaw is { } flaw && !cancel.IsCancellationRequested)
            {
                throw flaw;
            }
        }

        GuestResult alone = await new GuestRunner(
            runtime, kvm,
            new GuestRunOptions { Plan = plan, Image = options.Image!, Backend = options.Backend, Deadline = options.Deadline })
            .RunPresentAsync(cancel);
        if (!alone.IsDone)
            return new SnapshotReport
            {
                Differences = [.. alone.Ends.Where(e => !e.IsDone).Select(e => "Without a snapshot: " + e.Message)],
            };
        GuestContent content = new(BootArea.Make(plan), options.Image!);
        using ContentSource made = new(content);
        return await TakeAsync(writer, made, content.Read, SnapshotVerdict.Expected(alone), cancel);
    }

    private async Task<SnapshotReport> TakeAsync(
        SnapshotWriter writer, IPageSource source, KvmPageContent content, SnapshotDocument.ResultPart expected, CancellationToken cancel)
    {
        await using SnapshotGuest guest = await SnapshotGuest.StartAsync(
            runtime, kvm,
            new SnapshotGuestOptions
            {
                Plan = options.Plan,
                Source = source,
                Content = content,
                Snapshot = options.Parent?.Document,
                Backend = options.Backend,
                Tracking = options.IsLive ? WriteTracking.Sync : options.Parent is null ? WriteTracking.None : WriteTracking.Async,
                BrakeAfter = options.AfterRounds,
                Handlers = options.Handlers,
                IncidentObserver = options.IncidentObserver,
                ForgetsWrites = options.ForgetsWrites,
            },
            cancel);
        bool isLayer = options.Parent is not null;
        // Of a layer every write counts from the beginning; before a full snapshot nothing has to be protected.
        if (options.IsLive && !isLayer) _ = await guest.Userfault.UnprotectAsync(guest.Memory, 0, guest.Memory.Pages, cancel);
        // What is absent and not protected would count as written.
        if (!options.IsLive && isLayer) _ = await guest.Userfault.ProtectAsync(guest.Memory, 0, guest.Memory.Pages, cancel);
        long started = Stopwatch.GetTimestamp();
        long pausing = guest.Brake is null
            ? await GuestClock.RunUntilAsync(guest, options.AfterShare, options.AfterTime, options.Deadline, cancel)
            : await GuestClock.RunToBrakeAsync(guest, options.Deadline, cancel);
        if (Failures(guest) is { Count: > 0 } failed) return new SnapshotReport { Differences = failed };
        if (options.BeforeTaken is { } before) await before(guest);

        SnapshotReport taken;
        Task<SnapshotReport>? copying = null;
        if (guest.Live is { } live)
        {
            if (!options.PreparesPaused) await guest.Machine.ResumeAsync(cancel);
            await live.PrepareAsync(all: !isLayer, cancel);
            pausing = Stopwatch.GetTimestamp();
            await guest.Machine.PauseAsync(cancel);
            if (Failures(guest) is { Count: > 0 } ended) return new SnapshotReport { Differences = ended };
            await live.BeginAsync(writer, changedOnly: isLayer, cancel);
            SnapshotDocument.StatePart state = await StateAsync(guest, cancel);
            await guest.Machine.ResumeAsync(cancel);
            taken = new SnapshotReport
            {
                Differences = [],
                Paused = Stopwatch.GetElapsedTime(pausing),
                LongestProtect = live.LongestCall,
                Rounds = live.Rounds,
                CopiedPaused = live.CopiedPaused,
            };
            copying = CopyLiveAsync(guest, live, writer, taken, state, expected, pausing, cancel);
        }
        else
        {
            SnapshotDocument.StatePart state = await StateAsync(guest, cancel);
            IReadOnlyList<PageRange> pages = isLayer ? await ChangedAsync(guest, cancel) : [new PageRange(0, guest.Memory.Pages)];
            await Task.Run(() => guest.Pages.CopyTo(writer, pages, cancel), cancel);
            SnapshotDocument document = Commit(writer, state, expected);
            await guest.Machine.ResumeAsync(cancel);
            taken = new SnapshotReport
            {
                Differences = [],
                Document = document,
                Paused = Stopwatch.GetElapsedTime(pausing),
                Copied = Stopwatch.GetElapsedTime(pausing),
            };
        }

        IReadOnlyList<VcpuEnd> ends = await RunToEndAsync(guest, copying, cancel);
        TimeSpan duration = Stopwatch.GetElapsedTime(started);
        if (copying is not null) taken = await copying;
        GuestResult result = await guest.ResultAsync(ends, duration, cancel);
        return taken with
        {
            Result = result,
            Differences = SnapshotVerdict.Differences(expected, result),
            Parents = options.Parent?.Memory.Layers ?? 0,
        };
    }

    private async Task<IReadOnlyList<VcpuEnd>> RunToEndAsync(SnapshotGuest guest, Task? copying, CancellationToken cancel)
    {
        if (copying is null) return await guest.Machine.RunAsync(options.Deadline, guest.Userfault, cancel);
        // A snapshot that cannot be written ends the run: its writers would wait for a copy that never comes.
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task watch = copying.ContinueWith(
            _ => failed.CancelAsync(), CancellationToken.None, TaskContinuationOptions.NotOnRanToCompletion, TaskScheduler.Default);
        try
        {
            return await guest.Machine.RunAsync(options.Deadline, guest.Userfault, failed.Token);
        }
        catch (OperationCanceledException) when (copying.IsFaulted)
        {
            await copying;
            throw;
        }
    }

    private async Task<SnapshotReport> CopyLiveAsync(
        SnapshotGuest guest, LiveCopy live, SnapshotWriter writer, SnapshotReport taken, SnapshotDocument.StatePart state,
        SnapshotDocument.ResultPart expected, long begun, CancellationToken cancel)
    {
        if (options.BeforeCopy is { } before) await before(guest);
        await live.CopyAsync(cancel);
        SnapshotDocument document = Commit(writer, state, expected);
        return taken with
        {
            Document = document,
            KeptBefore = live.KeptBefore,
            LongestHeld = live.LongestHeld,
            Copied = Stopwatch.GetElapsedTime(begun),
        };
    }

    private async Task<SnapshotDocument.StatePart> StateAsync(SnapshotGuest guest, CancellationToken cancel)
    {
        ReadOnlyMemory<byte> vcpus = await guest.Machine.SaveAsync(cancel);
        GuestLedger ledger = guest.Ledger;
        return new SnapshotDocument.StatePart(
            vcpus.ToArray(), ledger.Console, [.. ledger.Reported.Select(HexText.Of)], ledger.GivenBack,
            await GuestClock.ShareAsync(guest, cancel), options.IsLive);
    }

    private SnapshotDocument Commit(SnapshotWriter writer, SnapshotDocument.StatePart state, SnapshotDocument.ResultPart expected) =>
        writer.Commit((stored, sample) => new SnapshotDocument
        {
            MemoryBytes = options.Plan.MemoryBytes,
            StoredPages = stored,
            Sample = sample,
            Backend = options.Backend ?? "anon",
            Parent = options.Parent is { } parent
                ? new SnapshotDocument.ParentPart(
                    Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(options.Path))!, Path.GetFullPath(parent.Path)),
                    parent.StateSha256)
                : null,
            Guest = options.Parent?.Document.Guest ?? new SnapshotDocument.GuestPart(
                options.Plan.Kind, options.Plan.Vcpus, options.Plan.Rounds, options.Plan.LargePages, options.Image!.Name),
            State = state,
            Expected = expected,
        });

    // What was written since the parent, and what was given back: that is zeros, whatever the parent has. A page that was never there is
    // the parent's, and one in swap neither absent nor written.
    private static async Task<IReadOnlyList<PageRange>> ChangedAsync(SnapshotGuest guest, CancellationToken cancel)
    {
        PageMarks changed = new(guest.Memory.Pages);
        foreach (PageRange range in await guest.Userfault.TakeWrittenAsync(guest.Memory, 0, guest.Memory.Pages, cancel))
            changed.SetAll(range);
        foreach (PageStateRange range in await guest.Userfault.PageStatesAsync(guest.Memory, 0, guest.Memory.Pages, cancel))
        {
            if (range.State == PageState.Removed) changed.SetAll(new PageRange(range.FirstPage, range.FirstPage + range.Pages));
        }

        return [.. changed.Runs()];
    }

    private static List<string> Failures(SnapshotGuest guest) =>
        [.. guest.Machine.Vcpus.Select(v => v.View.End).Where(e => e is { IsDone: false }).Select(e => e!.Message)];
}
