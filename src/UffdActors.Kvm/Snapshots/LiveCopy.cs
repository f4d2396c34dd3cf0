using System.Collections.Concurrent;
using System.Diagnostics;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Copies the memory of a guest that goes on running, as it was at one moment. <i>Watching</i>: every page is protected, round by round,
/// while the guest runs, and those that it has written since are noted; so that at the moment itself few are left. In the pause these are
/// copied out, not protected: two reads of the kernel for a page, where a call that protects it has the TLBs of all CPUs flushed, and then
/// its writer waits for a second copy. <i>Copying</i>: a page is copied out before its first write, or before it is given back, and all
/// others in the background.
/// </summary>
/// <remarks>
/// The background reads first and asks afterwards whether the page was opened meanwhile; a page is marked as opened before its protection
/// is cleared. So what was read of a page that is not marked is what it held at the moment. A page that is absent is filled protected, by
/// the runtime, in one call, and with the content that it would have had.
/// </remarks>
internal sealed class LiveCopy
{
    private const int ChunkPages = 64;
    private const long SlicePages = (16L << 20) >> PageSize.BaseShift;
    private const int MostRounds = 8;
    // As many as are copied out in about a millisecond.
    private const long FewPages = 128;
    // Pages that may be held in memory; beyond it, the thread that opens a page writes it out.
    private const int MostHeld = 4096;

    private readonly Userfault _userfault;
    private readonly GuestRegion _memory;
    private readonly GuestPages _pages;
    private readonly int _unit;
    private readonly PageMarks _open;
    private readonly PageMarks _changed;
    private readonly PageMarks _opened;
    private readonly ConcurrentQueue<(long Page, ReadOnlyMemory<byte> Bytes)> _held = new();
    private readonly Lock _gate = new();
    private volatile bool _isCopying;
    private volatile SnapshotWriter? _writer;
    private volatile PageMarks? _wanted;
    private long _keptBefore;
    private long _longestHeld;
    private byte[] _room = [];

    /// <summary>Makes it.</summary>
    /// <param name="userfault">The guest's userfaultfd, with synchronous write protection.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="pages">What its pages hold.</param>
    public LiveCopy(Userfault userfault, GuestRegion memory, GuestPages pages)
    {
        _userfault = userfault;
        _memory = memory;
        _pages = pages;
        _unit = memory.PageBytes >> PageSize.BaseShift;
        _open = new PageMarks(memory.Pages);
        _changed = new PageMarks(memory.Pages);
        _opened = new PageMarks(memory.Pages);
    }

    /// <summary>
    /// Longest call that protects 16 MiB while the guest runs, as its caller sees it: no fault of the guest waits longer behind it, and
    /// where CPUs are short it is mostly the caller's own wait for one.
    /// </summary>
    public TimeSpan LongestCall { get; private set; }

    /// <summary>The longest that a write was held up until its page was copied out, from its fault's turn on.</summary>
    public TimeSpan LongestHeld => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _longestHeld));

    /// <summary>Rounds of protection before the moment.</summary>
    public int Rounds { get; private set; }

    /// <summary>Pages that were copied out while the guest was paused.</summary>
    public long CopiedPaused { get; private set; }

    /// <summary>Pages that were copied out because the guest was about to write to them, or to give them back.</summary>
    public long KeptBefore => Interlocked.Read(ref _keptBefore);

    /// <summary>For a test of the verdict: pages are not copied out before they are written.</summary>
    public bool ForgetsWrites { get; init; }

    /// <summary>Called before a protected page is given to its writer (<see cref="ServeOptions.BeforeWrite"/>).</summary>
    public void BeforeWrite(long page)
    {
        long begun = Stopwatch.GetTimestamp();
        // A huge page is protected, and opened, as a whole.
        PageRange opened = new(page - (page % _unit), page - (page % _unit) + _unit);
        // Noted first: a thread that sees that the copy has begun sees the note too.
        _changed.SetAll(opened);
        _open.SetAll(opened);
        for (long one = opened.Start; one < opened.End && _isCopying; one++) Keep(one);
        NoteHeld(Stopwatch.GetTimestamp() - begun);
    }

    /// <summary>Called before the guest gives a page back.</summary>
    public void BeforeRemoval(long page)
    {
        if (_isCopying) Keep(page);
        _ = _changed.Set(page);
    }

    /// <summary>Protects all pages, and again those that were written meanwhile, until few are left. The guest runs.</summary>
    /// <param name="all">False if every page is protected but those that were written.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task PrepareAsync(bool all, CancellationToken cancel)
    {
        // What the pause runs through is compiled before it, and its memory is there: not behind the last round, for the guest writes on.
        LiveRehearsal.Run();
        _room = new byte[FewPages << PageSize.BaseShift];
        _pages.ReadAll(0, _room.AsSpan(0, PageSize.Base));
        if (all)
        {
            _ = _open.Take();
            for (long page = 0; page < _memory.Pages; page += SlicePages)
            {
                long begun = Stopwatch.GetTimestamp();
                await ProtectAsync([new PageRange(page, Math.Min(_memory.Pages, page + SlicePages))], cancel);
                TimeSpan took = Stopwatch.GetElapsedTime(begun);
                if (took > LongestCall) LongestCall = took;
            }

            Rounds++;
        }

        while (Rounds < MostRounds && _open.Count > FewPages)
        {
            await ProtectAsync(_open.Take(), cancel);
            Rounds++;
        }
    }

    /// <summary>Begins the copying. The guest is paused; when this has returned it may go on.</summary>
    /// <param name="writer">Where pages go.</param>
    /// <param name="changedOnly">Only what has changed since the guest began is copied: the rest is the parent's.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task BeginAsync(SnapshotWriter writer, bool changedOnly, CancellationToken cancel)
    {
        _writer = writer;
        _isCopying = true;
        // The hook for a write may be under way for a vCPU that was interrupted in its fault. A call is never made between a hook and the
        // clearing behind it: so when the first one is over, every hook that has not seen the flag has noted its page.
        await ProtectAsync([new PageRange(0, _unit)], cancel);
        PageMarks wanted = new(_memory.Pages);
        if (changedOnly) wanted.SetAll(_changed);
        else wanted.SetAll(new PageRange(0, _memory.Pages));
        _wanted = wanted;
        CopyOpen();
    }

    /// <summary>Ends a copying that was begun and is not gone on with: writers are not held up for it any more.</summary>
    public void GiveUp()
    {
        lock (_gate) _isCopying = false;
    }

    /// <summary>Copies everything that is still to be copied; then the guest writes without being held up.</summary>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    public async Task CopyAsync(CancellationToken cancel)
    {
        try
        {
            await Task.Run(() => Copy(cancel), cancel);
        }
        finally
        {
            GiveUp();
        }

        WriteHeld();
        _ = await _userfault.UnprotectAsync(_memory, 0, _memory.Pages, cancel);
    }

    // No vCPU writes meanwhile: these pages are copied as they are, and later writes to them do not fault.
    private void CopyOpen()
    {
        IReadOnlyList<PageRange> open = _open.Take();
        long count = open.Sum(run => run.Count);
        if (count << PageSize.BaseShift > _room.Length) _room = new byte[count << PageSize.BaseShift];
        int at = 0;
        foreach (PageRange run in open)
        {
            Memory<byte> room = _room.AsMemory(at, (int)(run.Count << PageSize.BaseShift));
            _pages.ReadAll(run.Start, room.Span);
            for (int i = 0; i < run.Count; i++)
            {
                if (_opened.Set(run.Start + i)) _held.Enqueue((run.Start + i, room.Slice(i << PageSize.BaseShift, PageSize.Base)));
            }

            at += room.Length;
        }

        CopiedPaused = count;
    }

    private void Copy(CancellationToken cancel)
    {
        byte[] chunk = new byte[ChunkPages << PageSize.BaseShift];
        foreach (PageRange run in _wanted!.Runs())
        {
            for (long page = run.Start; page < run.End; page += ChunkPages)
            {
                cancel.ThrowIfCancellationRequested();
                WriteHeld();
                int count = (int)Math.Min(ChunkPages, run.End - page);
                Span<byte> bytes = chunk.AsSpan(0, count << PageSize.BaseShift);
                _pages.ReadAll(page, bytes);
                // Only now: what is not marked had not been opened while it was read.
                for (int i = 0; i < count;)
                {
                    bool isOpened = _opened.Contains(page + i);
                    int end = i + 1;
                    while (end < count && _opened.Contains(page + end) == isOpened) end++;
                    if (!isOpened) _writer!.Write(page + i, bytes[(i << PageSize.BaseShift)..(end << PageSize.BaseShift)]);
                    i = end;
                }
            }
        }
    }

    // One at a time for a page: nobody goes on to change it before it is copied.
    private void Keep(long page)
    {
        if (ForgetsWrites || _wanted is { } wanted && !wanted.Contains(page)) return;
        lock (_gate)
        {
            if (!_isCopying || !_opened.Set(page)) return;
            byte[] bytes = new byte[PageSize.Base];
            _ = _pages.Read(page, bytes);
            _ = Interlocked.Increment(ref _keptBefore);
            if (_held.Count >= MostHeld) _writer!.Write(page, bytes);
            else _held.Enqueue((page, bytes));
        }
    }

    private void WriteHeld()
    {
        while (_held.TryDequeue(out (long Page, ReadOnlyMemory<byte> Bytes) held)) _writer!.Write(held.Page, held.Bytes.Span);
    }

    private void NoteHeld(long ticks)
    {
        for (long longest = Interlocked.Read(ref _longestHeld); ticks > longest;)
        {
            long seen = Interlocked.CompareExchange(ref _longestHeld, ticks, longest);
            if (seen == longest) return;
            longest = seen;
        }
    }

    private async Task ProtectAsync(IReadOnlyList<PageRange> ranges, CancellationToken cancel)
    {
        // The marks of a huge page may be taken while they are being set: whole pages are protected all the same.
        if (_unit > 1) ranges = [.. ranges.Select(r => new PageRange(r.Start / _unit * _unit, (r.End + _unit - 1) / _unit * _unit))];
        while (true)
        {
            IoctlResult result = await _userfault.ProtectEachAsync(_memory, ranges, cancel);
            if (result.IsDone) return;
            // An event is unread: the guest has given something back.
            if (result.Error != Errno.EAGAIN)
                throw new UffdException("UFFDIO_WRITEPROTECT", result.Error, "the guest's memory cannot be write-protected.");
            await Task.Yield();
        }
    }
}
