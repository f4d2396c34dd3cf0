using System.Diagnostics;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Starts many guests from one snapshot, at once. All of them map the same file in memory privately (<see cref="SharedCache"/>), with
/// MISSING and MINOR registered: a page that is in the cache is mapped by CONTINUE, read-only, and copied by the kernel when the guest
/// writes to it; one that is not there yet, or is zeros, comes from the snapshot's files as a page of the guest's own, or the zero page.
/// </summary>
internal static class CloneRun
{
    /// <summary>Guests at a time.</summary>
    public const int MostClones = 256;

    /// <summary>Runs them to their ends.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="snapshot">The snapshot; stays the caller's.</param>
    /// <param name="clones">How many, 1 to <see cref="MostClones"/>.</param>
    /// <param name="options">How; backend and prefetch are not looked at.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="KvmSnapshotException">A file has changed meanwhile, or the guest cannot be cloned.</exception>
    public static async Task<CloneReport> RunAsync(
        UffdRuntime runtime, KvmHost kvm, Snapshot snapshot, int clones, RestoreOptions options, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clones, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(clones, MostClones);
        // DONTNEED of a private mapping shows the page of the file again, and MADV_REMOVE is for shared mappings.
        if (snapshot.Document.Guest!.Program == ProgramKind.Balloon)
            throw new KvmSnapshotException(
                $"Snapshot \"{snapshot.Path}\" is of a guest that gives pages back; in a clone they would have the snapshot's bytes again. "
                    + "Restore it instead.");
        using CancellationTokenSource broken = CancellationTokenSource.CreateLinkedTokenSource(cancel, snapshot.Memory.Broken);
        using SharedCache cache = new(snapshot.Memory);
        long begun = Stopwatch.GetTimestamp();
        Task<TimeSpan> filling = Task.Run(
            () =>
            {
                cache.Fill(broken.Token);
                return Stopwatch.GetElapsedTime(begun);
            },
            CancellationToken.None);
        List<GuestMemory> mapped = [];
        List<SnapshotGuest> guests = [];
        try
        {
            for (int i = 0; i < clones; i++)
            {
                mapped.Add(cache.Map());
                guests.Add(await StartAsync(runtime, kvm, snapshot, mapped[^1], options, broken.Token));
            }

            long running = Stopwatch.GetTimestamp();
            IReadOnlyList<VcpuEnd>[] ends = await Task.WhenAll(
                guests.Select(g => g.Machine.RunAsync(options.Deadline, g.Userfault, broken.Token)));
            TimeSpan duration = Stopwatch.GetElapsedTime(running);
            TimeSpan filled = await filling;
            long[] own = [.. mapped.Select(m => PrivatePages.BytesIn(m.Address, m.End))];
            long shared = cache.AllocatedBytes();
            List<CloneReport.Guest> all = [];
            for (int i = 0; i < clones; i++)
            {
                GuestResult result = await guests[i].ResultAsync(ends[i], duration, broken.Token);
                all.Add(new CloneReport.Guest(SnapshotVerdict.Differences(snapshot.Document.Result(), result), result));
            }

            snapshot.Memory.CheckUnchanged();
            return new CloneReport(all, shared, own, filled, duration);
        }
        catch (OperationCanceledException) when (snapshot.Memory.Flaw is { } flaw && !cancel.IsCancellationRequested)
        {
            throw flaw;
        }
        finally
        {
            await broken.CancelAsync();
            await ((Task)filling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (SnapshotGuest guest in guests) await guest.DisposeAsync();
            foreach (GuestMemory memory in mapped) memory.Dispose();
        }
    }

    private static Task<SnapshotGuest> StartAsync(
        UffdRuntime runtime, KvmHost kvm, Snapshot snapshot, GuestMemory memory, RestoreOptions options, CancellationToken cancel)
    {
        SnapshotSource files = new(snapshot.Memory);
        return SnapshotGuest.StartAsync(
            runtime, kvm,
            new SnapshotGuestOptions
            {
                Plan = snapshot.Document.Plan(),
                Source = options.AroundSource?.Invoke(files) ?? files,
                Content = snapshot.Memory.ReadPage,
                Snapshot = snapshot.Document,
                Backend = "shmem",
                Adopt = new AdoptedMemory { Address = memory.Address, Pages = memory.Bytes >> PageSize.BaseShift, Module = "shmem" },
                Handlers = options.Handlers,
                IncidentObserver = options.IncidentObserver,
            },
            cancel);
    }
}
