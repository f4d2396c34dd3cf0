using System.Numerics;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Worlds;

/// <summary>
/// Cuts a call over a range of a region into slices, and puts their answers together to the one that a single call gives. Pure: who makes
/// the calls asks for <see cref="Next"/> and says what it gave.
/// </summary>
internal sealed class RangeSlices
{
    /// <summary>
    /// Bytes of a slice. A call over 16 MiB of populated anonymous memory takes some 0.25 ms to protect, 0.3 ms to clear, unregister or
    /// move, and 0.4 ms to poison (one core of 2026, Linux 6.18); a demand that comes in between waits so long. Over 4 GiB it would be a
    /// quarter of a thousand times that. Much smaller slices would cost more in hops than in work.
    /// </summary>
    public const int Bytes = 16 << 20;

    private const long NoCut = long.MaxValue;

    // Of a range that is larger than any memory nearly all is empty.
    private const long MostSlices = 4096;

    private readonly PageRange _whole;
    private readonly long _base;
    private readonly long _slice;
    private readonly bool _counts;
    private long _done;
    private PageRange _last;
    private bool _isJoined;

    /// <summary>Begins a call.</summary>
    /// <param name="region">Region.</param>
    /// <param name="pages">Base pages of it.</param>
    /// <param name="counts">True if the call reports its progress (MOVE, POISON); false if it does not (WRITEPROTECT, UNREGISTER).</param>
    public RangeSlices(GuestRegion region, PageRange pages, bool counts)
        : this(region, pages, counts, SliceOf(region, pages))
    {
    }

    private RangeSlices(GuestRegion region, PageRange pages, bool counts, long slice)
    {
        _whole = pages;
        _base = PageSize.PageOf(region.Address);
        _slice = slice;
        _counts = counts;
        _done = pages.Start;
        Next = Cut();
    }

    /// <summary>
    /// Bytes of a slice of a call whose time is that of the pages that are there: a range of terabytes is not cut into millions.
    /// </summary>
    /// <param name="bytes">Bytes of the range.</param>
    public static long BytesFor(long bytes) => (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(Bytes, bytes / MostSlices));

    /// <summary>A call that looks at no page, and reports no progress: one slice.</summary>
    public static RangeSlices One(GuestRegion region, PageRange pages) => new(region, pages, counts: false, NoCut);

    /// <summary>What to call next, in pages of the region.</summary>
    public PageRange Next { get; private set; }

    /// <summary>Bytes that are done, from the start of the range on.</summary>
    public long BytesDone => (_done - _whole.Start) << PageSize.BaseShift;

    /// <summary>Bytes of the range.</summary>
    public long BytesInAll => _whole.Count << PageSize.BaseShift;

    /// <summary>The answer to the whole; null as long as there is something to call.</summary>
    public IoctlResult? Result { get; private set; }

    /// <summary>
    /// True if the slice was refused because an event is unread, and slices before it are done: a single call would have gone through.
    /// </summary>
    public bool AwaitsEvents(IoctlResult answer) => answer.NeedsEventsRead && _done > _whole.Start;

    /// <summary>Takes the answer to <see cref="Next"/>.</summary>
    public void Take(IoctlResult answer)
    {
        if (answer.IsDone)
        {
            if (!_isJoined) _last = Next;
            _done = Next.End;
            if (_done == _whole.End) Result = new IoctlResult(Errno.None, _counts ? BytesInAll : null);
            else Next = Cut();
            _isJoined = false;
        }
        else if (_counts)
        {
            // As the kernel ends a call that has done something: with the count, whatever it has met.
            long bytes = BytesDone + answer.BytesDone;
            Result = BytesDone == 0 ? answer : new IoctlResult(Errno.EAGAIN, bytes);
        }
        else if (answer.Error != Errno.EAGAIN && !_isJoined && Next != _whole)
        {
            Next = Join(answer.Error);
            _isJoined = true;
        }
        else
        {
            Result = BytesDone == 0 ? answer : answer with { Progress = BytesDone };
        }
    }

    // A range that ends inside a huge page is refused as a whole, so it is not cut.
    private static long SliceOf(GuestRegion region, PageRange pages)
    {
        int unit = region.PageBytes >> PageSize.BaseShift;
        return (pages.Start | pages.End) % unit != 0 ? NoCut : Math.Max(Bytes >> PageSize.BaseShift, unit);
    }

    // At multiples of a slice in the address space, so that no transparent huge page is cut in two which a single call would have left
    // whole.
    private PageRange Cut()
    {
        long end = _slice == NoCut ? _whole.End : ((((_base + _done) / _slice) + 1) * _slice) - _base;
        return new PageRange(_done, Math.Min(_whole.End, end));
    }

    // A refusal may be owed to the cut: a slice without any mapping is refused, a range with a hole in it is not; and a cut makes a mapping
    // more, for which there may be no room. So it is asked again together with what cannot be refused for that: the slice before, or all
    // that is left.
    private PageRange Join(Errno error)
    {
        if (error == Errno.ENOMEM) return new(_done, _whole.End);
        return _last.IsEmpty ? _whole : new(_last.Start, Next.End);
    }
}
