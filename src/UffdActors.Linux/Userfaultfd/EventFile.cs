using System.Numerics;
using UffdActors.Abi;
using UffdActors.Linux.Native;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux;

/// <summary>
/// A journal in a file that is mapped here. The kernel's read puts messages into the file itself, so they survive the end of this process
/// at any moment (SIGKILL too); they do not survive a restart of the machine, and neither does the guest. The file belongs in memory
/// (tmpfs, as <c>/run</c> is): on a disk, a read of messages may wait for it.
/// </summary>
/// <remarks>
/// A removal costs one store for each 64 pages of its range, however many came before. The file has a bit for each page of the guest's
/// memory; blocks are used only where something was removed. The bit of a removed page is never cleared: the page was zeros then, and if it
/// faults again, whatever the guest has put there since was removed again.
/// </remarks>
public sealed unsafe class EventFile : EventJournal
{
    private readonly FileStream _file;
    private readonly JournalMap _head;
    private readonly Lock _gate = new();
    private Region[] _regions = [];
    private int _latest;
    // Where TryNextFound continues: removals before it have been returned.
    private (int Region, long Page) _told;

    private EventFile(FileStream file)
    {
        _file = file;
        _head = new JournalMap((int)file.SafeFileHandle.DangerousGetHandle(), 0, JournalLayout.HeadBytes);
    }

    /// <inheritdoc />
    internal override nint Messages => (nint)(_head.Address + JournalLayout.Messages);

    /// <inheritdoc />
    internal override int Capacity => JournalLayout.Capacity;

    /// <summary>Makes a new file.</summary>
    /// <param name="path">Its path; a file that is there is replaced.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="SyscallException">It cannot be mapped.</exception>
    public static EventFile Create(string path)
    {
        FileStream file = JournalLayout.Open(path, FileMode.Create);
        try
        {
            file.SetLength(JournalLayout.HeadBytes);
            EventFile made = new(file) { _told = (int.MaxValue, 0) };
            *(int*)(made._head.Address + JournalLayout.Version) = JournalLayout.CurrentVersion;
            *(int*)(made._head.Address + JournalLayout.IsNoted) = 1;
            Volatile.Write(ref *(long*)(made._head.Address + JournalLayout.Magic), JournalLayout.MagicWord);
            return made;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file of an earlier process, which must have ended.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="IOException">It cannot be opened, or is none.</exception>
    /// <exception cref="SyscallException">It cannot be mapped.</exception>
    public static EventFile Open(string path)
    {
        FileStream file = JournalLayout.Open(path, FileMode.Open);
        EventFile? found = null;
        try
        {
            if (file.Length < JournalLayout.HeadBytes) throw NotOne(path, $"has {file.Length} bytes");
            found = new EventFile(file);
            found.ReadBack(path);
            return found;
        }
        catch
        {
            found?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>A region of the guest, before the first event about it can come. What was at its addresses before does not count.</summary>
    /// <param name="address">First address.</param>
    /// <param name="pages">Base pages.</param>
    /// <exception cref="InvalidOperationException">There are as many regions as may be.</exception>
    /// <exception cref="IOException">There is no room for it.</exception>
    public void Add(ulong address, long pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        lock (_gate)
        {
            foreach (Region region in _regions) region.Clear(address, address + ((ulong)pages << PageSize.BaseShift));
            if (_regions.Any(r => r.Address == address && r.Pages == pages)) return;
            if (_regions.Length == JournalLayout.MostRegions)
                throw new InvalidOperationException($"A journal has {JournalLayout.MostRegions} regions at most.");
            long offset = _file.Length;
            // Allocated at once: a store for which there is no room would end this process (SIGBUS).
            if (Libc.FAllocate((int)_file.SafeFileHandle.DangerousGetHandle(), 0, offset, JournalLayout.BitmapBytes(pages)) < 0)
                throw new IOException(
                    $"Journal \"{_file.Name}\" cannot grow by {JournalLayout.BitmapBytes(pages)} bytes ({Libc.LastError}).");
            Map(address, pages, offset);
            byte* entry = _head.Address + JournalLayout.Table + ((_regions.Length - 1) * JournalLayout.EntryBytes);
            *(ulong*)entry = address;
            *(long*)(entry + 8) = pages;
            Volatile.Write(ref *(int*)(_head.Address + JournalLayout.RegionCount), _regions.Length);
        }
    }

    /// <inheritdoc />
    internal override bool TryNextFound(out ulong start, out ulong end)
    {
        for (; _told.Region < _regions.Length; _told = (_told.Region + 1, 0))
        {
            if (!_regions[_told.Region].TryNext(_told.Page, out start, out end, out long next)) continue;
            _told.Page = next;
            return true;
        }

        (start, end) = (0, 0);
        return false;
    }

    /// <inheritdoc />
    internal override void BeginRead()
    {
        for (int i = 0; i < _latest; i++) _head.Address[JournalLayout.Messages + (i * UffdMsg.SizeInBytes)] = 0;
        _latest = 0;
        Volatile.Write(ref *(int*)(_head.Address + JournalLayout.IsNoted), 0);
    }

    /// <inheritdoc />
    internal override void EndRead(int count)
    {
        _latest = count;
        for (int i = 0; i < count; i++) Note(((UffdMsg*)Messages)[i]);
        Volatile.Write(ref *(int*)(_head.Address + JournalLayout.IsNoted), 1);
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        lock (_gate)
        {
            foreach (Region region in _regions) region.Map.Dispose();
            _regions = [];
        }

        _head.Dispose();
        _file.Dispose();
    }

    private static IOException NotOne(string path, string what) => new($"Journal \"{path}\" {what}: it is none, or of another version.");

    private void ReadBack(string path)
    {
        byte* head = _head.Address;
        int count = *(int*)(head + JournalLayout.RegionCount);
        if (*(long*)(head + JournalLayout.Magic) != JournalLayout.MagicWord
            || *(int*)(head + JournalLayout.Version) != JournalLayout.CurrentVersion || count is < 0 or > JournalLayout.MostRegions)
            throw NotOne(path, "has another header");
        long offset = JournalLayout.HeadBytes;
        for (int i = 0; i < count; i++)
        {
            byte* entry = head + JournalLayout.Table + (i * JournalLayout.EntryBytes);
            long pages = *(long*)(entry + 8);
            if (pages < 1 || pages > long.MaxValue >> PageSize.BaseShift || offset + JournalLayout.BitmapBytes(pages) > _file.Length)
                throw NotOne(path, $"has a region of {pages} pages");
            Map(*(ulong*)entry, pages, offset);
            offset += JournalLayout.BitmapBytes(pages);
        }

        // A bitmap behind the last counted region belongs to an entry that was never completed: cut it off.
        _file.SetLength(offset);
        // 0: the process was killed after a read and before it had noted all messages of it. They are still in the file, and are noted now.
        if (*(int*)(head + JournalLayout.IsNoted) == 0)
        {
            for (int i = 0; i < JournalLayout.Capacity; i++) Note(((UffdMsg*)Messages)[i]);
        }

        _latest = JournalLayout.Capacity;
    }

    private void Map(ulong address, long pages, long offset)
    {
        JournalMap map = new((int)_file.SafeFileHandle.DangerousGetHandle(), offset, JournalLayout.BitmapBytes(pages));
        Volatile.Write(ref _regions, [.. _regions, new Region(address, pages, map)]);
    }

    private void Note(in UffdMsg message)
    {
        if (message.Event != UffdEvent.Remove) return;
        foreach (Region region in Volatile.Read(ref _regions)) region.Note(message.Start, message.End);
    }

    private sealed class Region(ulong address, long pages, JournalMap map)
    {
        private const int BitsPerWord = 64;

        public ulong Address => address;

        public long Pages => pages;

        public JournalMap Map => map;

        private ulong* Words => (ulong*)map.Address;

        public void Note(ulong start, ulong end) => Change(start, end, isSet: true);

        public void Clear(ulong start, ulong end) => Change(start, end, isSet: false);

        public bool TryNext(long from, out ulong start, out ulong end, out long next)
        {
            long first = Next(from, isSet: true);
            next = Next(first, isSet: false);
            start = address + ((ulong)first << PageSize.BaseShift);
            end = address + ((ulong)next << PageSize.BaseShift);
            return first < pages;
        }

        private void Change(ulong start, ulong end, bool isSet)
        {
            ulong behind = address + ((ulong)pages << PageSize.BaseShift);
            if (start >= behind || end <= address) return;
            long page = start <= address ? 0 : (long)((start - address) >> PageSize.BaseShift);
            long last = end >= behind ? pages : (long)((end - address) >> PageSize.BaseShift);
            while (page < last)
            {
                int bit = (int)(page % BitsPerWord);
                long taken = Math.Min(BitsPerWord - bit, last - page);
                ulong bits = ulong.MaxValue >> (int)(BitsPerWord - taken) << bit;
                // Atomic: while the reader notes an event here, another thread that adds a region may clear bits of the same word.
                if (isSet) _ = Interlocked.Or(ref Words[page / BitsPerWord], bits);
                else _ = Interlocked.And(ref Words[page / BitsPerWord], ~bits);
                page += taken;
            }
        }

        private long Next(long page, bool isSet)
        {
            while (page < pages)
            {
                ulong word = Words[page / BitsPerWord];
                word = (isSet ? word : ~word) >> (int)(page % BitsPerWord);
                if (word != 0) return Math.Min(pages, page + BitOperations.TrailingZeroCount(word));
                page = ((page / BitsPerWord) + 1) * BitsPerWord;
            }

            return pages;
        }
    }
}
