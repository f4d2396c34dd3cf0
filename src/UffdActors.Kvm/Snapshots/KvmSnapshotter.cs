using System.Diagnostics;
using UffdActors.Kvm.Snapshots;
using UffdActors.Model.Mapping;

namespace UffdActors.Kvm;

/// <summary>
/// Takes snapshots of a machine whose memory is one region that is served: stopped, or while the guest runs. <see cref="KvmSnapshot"/>
/// restores from them.
/// </summary>
/// <remarks>
/// What it needs is public: <see cref="GuestReader"/>, <see cref="Userfault.ProtectAsync"/>, <see cref="ServeOptions.BeforeWrite"/> and
/// <see cref="Userfault.NotedStateOf"/>. Not for two snapshots at the same time.
/// </remarks>
/// <example>
/// <code>
/// _ = await uffd.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect);
/// KvmSnapshotter snapshots = new(vm, memory, uffd, ReadFromImage);
/// await uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = snapshots.BeforeWrite });
/// _ = await uffd.UnprotectAsync(memory, 0, memory.Pages);
/// // Make the machine, and run it.
/// KvmSnapshotReport taken = await snapshots.TakeAsync(machine, "guest.memory", new KvmSnapshotOptions { WhileRunning = true });
/// </code>
/// </example>
public sealed class KvmSnapshotter
{
    private readonly GuestRegion _memory;
    private readonly Userfault _userfault;
    private readonly GuestPages _pages;
    private volatile LiveCopy _live;
    private int _isTaking;

    /// <summary>Makes it, before the memory is served.</summary>
    /// <param name="vm">The guest's VM.</param>
    /// <param name="memory">All of its memory.</param>
    /// <param name="userfault">What it is served by.</param>
    /// <param name="absent">What the source has for a page that was never there.</param>
    public KvmSnapshotter(UffdVm vm, GuestRegion memory, Userfault userfault, KvmPageContent absent)
    {
        ArgumentNullException.ThrowIfNull(vm);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(userfault);
        ArgumentNullException.ThrowIfNull(absent);
        _memory = memory;
        _userfault = userfault;
        _pages = new GuestPages(vm, memory, userfault, absent);
        _live = new LiveCopy(userfault, memory, _pages);
    }

    /// <summary>
    /// The hook of <see cref="ServeOptions.BeforeWrite"/>: copies a page out before its first write after the moment of a snapshot. What
    /// is not this snapshotter's region is left alone.
    /// </summary>
    /// <param name="region">Number of the region.</param>
    /// <param name="page">Page of 4 KiB.</param>
    public void BeforeWrite(int region, long page)
    {
        if (region == _memory.Id) _live.BeforeWrite(page);
    }

    /// <summary>To be called before the guest gives a page back, by a balloon: while the page is still there.</summary>
    /// <param name="page">Page of 4 KiB.</param>
    public void BeforeRemoval(long page) => _live.BeforeRemoval(page);

    /// <summary>
    /// Takes a snapshot. Two files: the memory under this name, and its state beside it, <c>FILE.json</c>; they get their names when both
    /// are complete. vCPUs that ran go on, whatever becomes of the snapshot.
    /// </summary>
    /// <param name="machine">The machine; it runs, or is paused.</param>
    /// <param name="path">The memory file.</param>
    /// <param name="options">How; null for a snapshot of a stopped machine without devices.</param>
    /// <param name="cancellationToken">
    /// Cancels; a guest that runs is left with pages that are protected, and are opened when it writes to them.
    /// </param>
    /// <exception cref="KvmSnapshotException">The files cannot be written, or a vCPU has ended by a failure.</exception>
    /// <exception cref="UffdException">The memory cannot be protected.</exception>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    /// <exception cref="InvalidOperationException">Another snapshot is being taken.</exception>
    public async Task<KvmSnapshotReport> TakeAsync(
        KvmMachine machine, string path, KvmSnapshotOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new KvmSnapshotOptions();
        if (Interlocked.Exchange(ref _isTaking, 1) != 0) throw new InvalidOperationException("Another snapshot is being taken.");
        try
        {
            return await TakeAsync(machine, path, options, new SnapshotPause(machine), cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isTaking, 0);
        }
    }

    private async Task<KvmSnapshotReport> TakeAsync(
        KvmMachine machine, string path, KvmSnapshotOptions options, SnapshotPause pause, CancellationToken cancel)
    {
        using SnapshotWriter writer = new(path, _memory.Pages, isLayer: false);
        LiveCopy? live = null;
        if (options.WhileRunning)
        {
            // Each snapshot has marks of its own; the hook sees them from here on.
            live = _live = new LiveCopy(_userfault, _memory, _pages);
            await live.PrepareAsync(all: true, cancel);
        }

        SnapshotDocument.StatePart state;
        long begun = Stopwatch.GetTimestamp();
        try
        {
            await pause.BeginAsync(cancel);
            if (live is not null) await live.BeginAsync(writer, changedOnly: false, cancel);
            ReadOnlyMemory<byte> vcpus = await machine.SaveAsync(cancel);
            state = SnapshotDocument.StatePart.OfMachine(vcpus, options.DeviceState?.Invoke() ?? default, options.WhileRunning);
            if (live is null) await Task.Run(() => _pages.CopyTo(writer, [new PageRange(0, _memory.Pages)], cancel), cancel);
        }
        catch
        {
            live?.GiveUp();
            throw;
        }
        finally
        {
            await pause.EndAsync();
        }

        TimeSpan paused = Stopwatch.GetElapsedTime(begun);
        if (live is not null) await live.CopyAsync(cancel);
        SnapshotDocument document = writer.Commit((stored, sample) => new SnapshotDocument
        {
            MemoryBytes = (long)_memory.Bytes,
            StoredPages = stored,
            Sample = sample,
            Backend = _memory.Module ?? "anon",
            Guest = null,
            State = state,
            Expected = null,
        });
        return new KvmSnapshotReport(
            document.StoredPages, paused, live?.LongestCall ?? TimeSpan.Zero, Stopwatch.GetElapsedTime(begun));
    }
}
