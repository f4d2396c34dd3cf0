using System.Collections;

namespace UffdActors.Handling;

/// <summary>
/// Regions, or what is left of them, by address, none over another: immutable, in blocks, so that a change copies a block and the list of
/// blocks and not all of them, also where a guest has unmapped every second of a hundred thousand pages.
/// </summary>
internal sealed class ServedParts : IReadOnlyList<ServedRegion>
{
    // Two of these are copied at each change, and one word for every block.
    private const int MostInBlock = 256;

    // No block is empty.
    private readonly ServedRegion[][] _blocks;

    private ServedParts(ServedRegion[][] blocks)
    {
        _blocks = blocks;
        foreach (ServedRegion[] block in blocks) Count += block.Length;
    }

    /// <summary>No region.</summary>
    public static ServedParts Empty { get; } = new([]);

    /// <summary>Number of parts.</summary>
    public int Count { get; }

    /// <summary>A part by its place among all.</summary>
    public ServedRegion this[int index]
    {
        get
        {
            foreach (ServedRegion[] block in _blocks)
            {
                if (index < block.Length) return block[index];
                index -= block.Length;
            }

            throw new ArgumentOutOfRangeException(nameof(index));
        }
    }

    /// <summary>Makes it.</summary>
    /// <param name="parts">Parts by address, none over another.</param>
    public static ServedParts Of(IEnumerable<ServedRegion> parts) => new([.. parts.Chunk(MostInBlock)]);

    /// <summary>The first part that ends behind a page.</summary>
    public Cursor From(long page)
    {
        ServedRegion[][] blocks = _blocks;
        int block = 0;
        for (int above = blocks.Length; block < above;)
        {
            int middle = (block + above) / 2;
            if (blocks[middle][^1].Range.End > page) above = middle;
            else block = middle + 1;
        }

        if (block == blocks.Length) return new Cursor(blocks, block, 0);
        ServedRegion[] parts = blocks[block];
        int low = 0;
        for (int high = parts.Length; low < high;)
        {
            int middle = (low + high) / 2;
            if (parts[middle].Range.End > page) high = middle;
            else low = middle + 1;
        }

        return new Cursor(blocks, block, low);
    }

    /// <summary>The same with other parts in the place of some.</summary>
    /// <param name="first">The first to be replaced.</param>
    /// <param name="behind">The first behind them that stays; the same for none to be replaced.</param>
    /// <param name="by">What takes their place.</param>
    public ServedParts Replace(Cursor first, Cursor behind, List<ServedRegion> by)
    {
        // Whole blocks: from the one of the first to the one of the last.
        int from = first.Block;
        int end = Math.Min(behind.At > 0 || behind.Block == from ? behind.Block + 1 : behind.Block, _blocks.Length);
        ReadOnlySpan<ServedRegion> front = from < _blocks.Length ? _blocks[from].AsSpan(0, first.At) : [];
        ReadOnlySpan<ServedRegion> rear = behind.At > 0 || behind.Block == from
            ? behind.Block < _blocks.Length ? _blocks[behind.Block].AsSpan(behind.At) : []
            : [];
        var parts = new ServedRegion[front.Length + by.Count + rear.Length];
        front.CopyTo(parts);
        by.CopyTo(parts, front.Length);
        rear.CopyTo(parts.AsSpan(front.Length + by.Count));
        ServedRegion[][] cut = parts.Length == 0 ? []
            : parts.Length <= MostInBlock ? [parts] : [.. parts.Chunk((parts.Length + 1) / 2)];
        return new([.. _blocks.AsSpan(0, Math.Min(from, _blocks.Length)), .. cut, .. _blocks.AsSpan(end)]);
    }

    /// <summary>All parts, by address.</summary>
    public Enumerator GetEnumerator() => new(new Cursor(_blocks, 0, 0));

    IEnumerator<ServedRegion> IEnumerable<ServedRegion>.GetEnumerator() => _blocks.SelectMany(b => b).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _blocks.SelectMany(b => b).GetEnumerator();

    /// <summary>A place among the parts.</summary>
    internal readonly struct Cursor(ServedRegion[][] blocks, int block, int at)
    {
        /// <summary>Number of the block.</summary>
        public int Block => block;

        /// <summary>Place in the block.</summary>
        public int At => at;

        /// <summary>The part there; null behind the last.</summary>
        public ServedRegion? Part => block < blocks.Length ? blocks[block][at] : null;

        /// <summary>The place behind this one.</summary>
        public Cursor Next => at + 1 < blocks[block].Length ? new(blocks, block, at + 1) : new(blocks, block + 1, 0);
    }

    /// <summary>Walks through all parts.</summary>
    internal struct Enumerator(Cursor next)
    {
        private Cursor _next = next;

        /// <summary>The part.</summary>
        public ServedRegion Current { get; private set; } = null!;

        /// <summary>Goes on.</summary>
        public bool MoveNext()
        {
            if (_next.Part is not { } part) return false;
            Current = part;
            _next = _next.Next;
            return true;
        }
    }
}
