namespace UffdActors.Model.Memory;

/// <summary>
/// Folios whose content is kept as runs of equal bytes. Recorded and generated programs fill pages with one byte and write single
/// bytes, so a huge page costs what a base page costs, and making or comparing a machine needs no memory copies.
/// </summary>
internal sealed class RunFolios : FolioStore
{
    private readonly Lock _gate = new();
    private readonly List<Folio> _folios = [new()];
    private readonly Stack<uint> _free = [];
    private readonly long _capacity;

    /// <summary>Makes an empty store.</summary>
    /// <param name="folioSize">Bytes in a folio.</param>
    /// <param name="capacity">Folios that can be in use at a time.</param>
    public RunFolios(int folioSize, long capacity = MaxFolio)
        : base(folioSize) => _capacity = Math.Min(capacity, MaxFolio);

    /// <inheritdoc />
    public override long InUse => _folios.Count - 1 - _free.Count;

    /// <inheritdoc />
    public override long BookkeepingBytes => 0;

    /// <summary>The content as runs: first byte and value, in order, the first at 0.</summary>
    public IReadOnlyList<(int Start, byte Value)> RunsOf(uint folio) => _folios[(int)folio].Runs;

    /// <inheritdoc />
    internal override bool IsKnown(uint folio)
    {
        lock (_gate) return folio != None && folio < _folios.Count;
    }

    /// <inheritdoc />
    public override uint AllocateZeroed() => Allocate();

    /// <inheritdoc />
    public override uint AllocateCopy(uint folio)
    {
        uint copy = Allocate();
        if (copy != None)
        {
            _folios[(int)copy].Runs.Clear();
            _folios[(int)copy].Runs.AddRange(_folios[(int)folio].Runs);
        }

        return copy;
    }

    /// <inheritdoc />
    public override uint AllocateFrom(in FillSource source)
    {
        uint folio = Allocate();
        if (folio == None) return None;
        List<(int Start, byte Value)> runs = _folios[(int)folio].Runs;
        switch (source.Kind)
        {
            case FillSourceKind.Zero:
                break;
            case FillSourceKind.Stamp:
                runs[0] = (0, (byte)source.Word);
                break;
            case FillSourceKind.Buffer:
                runs.Clear();
                unsafe
                {
                    Compress(new ReadOnlySpan<byte>((void*)source.Word, FolioSize), 0, runs);
                }

                break;
            default:
                throw new ArgumentException($"A folio cannot be filled from {source.Kind} without reading it first.", nameof(source));
        }

        return folio;
    }

    /// <inheritdoc />
    public override void Free(uint folio)
    {
        if (folio == None) return;
        lock (_gate)
        {
            Folio f = _folios[(int)folio];
            if (f.ExtraShares > 0) f.ExtraShares--;
            else _free.Push(folio);
        }
    }

    /// <inheritdoc />
    public override void Share(uint folio)
    {
        lock (_gate) _folios[(int)folio].ExtraShares++;
    }

    /// <inheritdoc />
    public override bool IsShared(uint folio)
    {
        lock (_gate) return _folios[(int)folio].ExtraShares > 0;
    }

    /// <inheritdoc />
    public override void CopyPart(ref uint folio, int offset, FolioStore from, uint source, int sourceOffset, int length)
    {
        if (length == 0) return;
        List<(int Start, byte Value)> piece = [];
        if (source == None)
        {
            piece.Add((offset, 0));
        }
        else
        {
            IReadOnlyList<(int Start, byte Value)> runs = ((RunFolios)from).RunsOf(source);
            int shift = offset - sourceOffset;
            for (int i = 0; i < runs.Count; i++)
            {
                int end = i + 1 < runs.Count ? runs[i + 1].Start : from.FolioSize;
                int start = Math.Max(runs[i].Start, sourceOffset);
                if (start < Math.Min(end, sourceOffset + length)) piece.Add((start + shift, runs[i].Value));
            }
        }

        Replace(_folios[(int)folio].Runs, offset, offset + length, piece);
    }

    /// <inheritdoc />
    public override unsafe void CopyIn(uint folio, int offset, nint source, int length)
    {
        List<(int Start, byte Value)> piece = [];
        Compress(new ReadOnlySpan<byte>((void*)source, length), offset, piece);
        Replace(_folios[(int)folio].Runs, offset, offset + length, piece);
    }

    /// <inheritdoc />
    public override byte ReadByte(uint folio, int offset)
    {
        if (folio == None) return 0;
        List<(int Start, byte Value)> runs = _folios[(int)folio].Runs;
        int i = runs.Count - 1;
        while (runs[i].Start > offset) i--;
        return runs[i].Value;
    }

    /// <inheritdoc />
    public override void WriteByte(uint folio, int offset, byte value)
    {
        List<(int Start, byte Value)> runs = _folios[(int)folio].Runs;
        if (ReadByte(folio, offset) != value) Replace(runs, offset, offset + 1, [(offset, value)]);
    }

    /// <inheritdoc />
    public override ulong ReadLane(uint folio, int offset)
    {
        ulong value = 0;
        for (int i = 7; i >= 0; i--) value = (value << 8) | ReadByte(folio, offset + i);
        return value;
    }

    /// <inheritdoc />
    public override void WriteLane(uint folio, int offset, ulong value)
    {
        for (int i = 0; i < 8; i++, value >>= 8) WriteByte(folio, offset + i, (byte)value);
    }

    /// <inheritdoc />
    public override void CopyOut(uint folio, int offset, Span<byte> destination)
    {
        if (folio == None)
        {
            destination.Clear();
            return;
        }

        IReadOnlyList<(int Start, byte Value)> runs = RunsOf(folio);
        for (int i = 0; i < runs.Count; i++)
        {
            int start = Math.Max(runs[i].Start - offset, 0);
            int end = Math.Min((i + 1 < runs.Count ? runs[i + 1].Start : FolioSize) - offset, destination.Length);
            if (start < end) destination[start..end].Fill(runs[i].Value);
        }
    }

    /// <inheritdoc />
    public override void Dispose()
    {
    }

    private uint Allocate()
    {
        lock (_gate)
        {
            if (_free.TryPop(out uint folio))
            {
                _folios[(int)folio].Runs.Clear();
                _folios[(int)folio].Runs.Add((0, 0));
                return folio;
            }

            if (_folios.Count > _capacity) return None;
            _folios.Add(new Folio());
            return (uint)(_folios.Count - 1);
        }
    }

    private static void Compress(ReadOnlySpan<byte> bytes, int start, List<(int Start, byte Value)> runs)
    {
        for (int i = 0; i < bytes.Length;)
        {
            runs.Add((start + i, bytes[i]));
            int same = bytes[i..].IndexOfAnyExcept(bytes[i]);
            i = same < 0 ? bytes.Length : i + same;
        }
    }

    /// <summary>Replaces [start, end) by the piece and joins neighbours that became equal.</summary>
    private void Replace(List<(int Start, byte Value)> runs, int start, int end, List<(int Start, byte Value)> piece)
    {
        List<(int Start, byte Value)> result = [];
        void Add(int at, byte value)
        {
            if (result.Count == 0 || result[^1].Value != value) result.Add((at, value));
        }

        int i = 0;
        for (; i < runs.Count && runs[i].Start < start; i++) Add(runs[i].Start, runs[i].Value);
        foreach ((int at, byte value) in piece) Add(at, value);
        if (end < FolioSize)
        {
            while (i < runs.Count && runs[i].Start <= end) i++;
            Add(end, runs[i - 1].Value);
            for (; i < runs.Count; i++) Add(runs[i].Start, runs[i].Value);
        }

        runs.Clear();
        runs.AddRange(result);
    }

    private sealed class Folio
    {
        public List<(int Start, byte Value)> Runs { get; } = [(0, 0)];

        public int ExtraShares { get; set; }
    }
}
