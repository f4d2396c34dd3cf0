using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>
/// A virtual memory area: a range with one backing, one protection and one registration. Immutable; a change makes a new one and
/// publishes it in a new map. The new one has the same owner, so that the range keeps its single writer.
/// </summary>
public sealed class Vma
{
    private AnonVma? _anon;

    /// <summary>Made by mmap and by changes of the map.</summary>
    internal Vma(VmaOwner owner) => Owner = owner;

    /// <summary>The pages that it covers.</summary>
    public required PageRange Range { get; init; }

    /// <summary>What accesses are allowed at all; what is not allowed never reaches userfaultfd.</summary>
    public required Prot Prot { get; init; }

    /// <summary>The file behind it, or null for anonymous memory.</summary>
    public MemoryFile? File { get; init; }

    /// <summary>MAP_SHARED.</summary>
    public bool IsShared { get; init; }

    /// <summary>False for a shared mapping of a descriptor that was opened for reading only.</summary>
    public bool MayWrite { get; init; } = true;

    /// <summary>MAP_DROPPABLE: can never be registered.</summary>
    public bool IsDroppable { get; init; }

    /// <summary>VM_DONTCOPY (MADV_DONTFORK): a child does not get it.</summary>
    public bool IsLeftOutOfForks { get; init; }

    /// <summary>
    /// VM_ACCOUNT: the mapping is, or once was, private and writable. Its only effect here is that it prevents merging.
    /// </summary>
    internal bool IsAccounted { get; init; }

    /// <summary>
    /// Page offset of the first page: into the file, or for anonymous memory its page number at the time it was mapped. Neighbours
    /// merge only if their offsets are contiguous.
    /// </summary>
    public required long Offset { get; init; }

    /// <summary>Registered modes; none without a registration.</summary>
    public RegisterModes Modes { get; init; }

    /// <summary>The context that the range is registered with.</summary>
    internal Registrant? Context { get; init; }

    /// <summary>Single writer of the entries.</summary>
    internal VmaOwner Owner { get; }

    /// <summary>The module's owner in this address space; null for anonymous memory.</summary>
    internal Backend? Backend { get; init; }

    /// <summary>log2 of the page size.</summary>
    public int PageShift => File?.PageShift ?? PageSize.BaseShift;

    /// <summary>Bytes of a page of this mapping.</summary>
    public int PageBytes => 1 << PageShift;

    /// <summary>Base pages in a page of this mapping.</summary>
    public long Stride => 1L << (PageShift - PageSize.BaseShift);

    /// <summary>True for pages larger than a base page.</summary>
    public bool IsHuge => PageShift != PageSize.BaseShift;

    /// <summary>True for private anonymous memory.</summary>
    public bool IsAnonymous => File is null;

    /// <summary>MISSING faults are delivered.</summary>
    public bool HasMissing => (Modes & RegisterModes.Missing) != 0;

    /// <summary>Writes to protected pages are delivered.</summary>
    public bool HasWp => (Modes & RegisterModes.WriteProtect) != 0;

    /// <summary>MINOR faults are delivered.</summary>
    public bool HasMinor => (Modes & RegisterModes.Minor) != 0;

    /// <summary>Where content that the mapping does not share is kept.</summary>
    internal FolioStore Store => File?.Store ?? Owner.Mm.Machine.BaseFolios;

    /// <summary>
    /// The kernel's anon_vma: made with the first private page (or fill) and kept for good. Only merging, and which page tables fork
    /// copies, depend on it.
    /// </summary>
    internal AnonVma? Anon
    {
        get => Volatile.Read(ref _anon);
        init => _anon = value;
    }

    /// <summary>The page of this mapping that holds a base page, named by its first base page.</summary>
    public long HeadOf(long page) => page & ~(Stride - 1);

    /// <summary>Index into the file of the page at <paramref name="head"/>, in pages of the file.</summary>
    public long FileIndexOf(long head) => (head - Range.Start + Offset) >> (PageShift - PageSize.BaseShift);

    /// <summary>True if the mapping may end, or begin, at a page: it may not inside a huge page.</summary>
    internal bool CanSplitAt(long page) => page <= Range.Start || page >= Range.End || page % Stride == 0;

    /// <summary>The same mapping over a part of its range.</summary>
    internal Vma Slice(PageRange range, VmaOwner? owner = null) => Copy(range, Prot, IsAccounted, Modes, Context, owner ?? Owner);

    /// <summary>The same mapping with other protection.</summary>
    internal Vma WithProt(Prot prot) => Copy(Range, prot, StaysAccounted(prot), Modes, Context, Owner);

    /// <summary>The same mapping registered otherwise.</summary>
    internal Vma WithRegistration(Registrant? context, RegisterModes modes) =>
        Copy(Range, Prot, IsAccounted, modes, context, Owner);

    /// <summary>The same mapping with other advice about forks.</summary>
    internal Vma WithForkAdvice(bool isLeftOut) => MovedTo(Range, Offset, Owner, Backend, Anon, isLeftOut);

    /// <summary>The same mapping, longer.</summary>
    internal Vma Grown(long end) => MovedTo(Range with { End = end }, Offset, Owner, Backend, Anon);

    /// <summary>The same mapping at another place.</summary>
    internal Vma MovedTo(PageRange range, long offset, VmaOwner owner, Backend? backend, AnonVma? anon, bool? isLeftOutOfForks = null) =>
        new(owner)
        {
            Range = range,
            Prot = Prot,
            File = File,
            IsShared = IsShared,
            MayWrite = MayWrite,
            IsDroppable = IsDroppable,
            IsLeftOutOfForks = isLeftOutOfForks ?? IsLeftOutOfForks,
            IsAccounted = IsAccounted,
            Offset = offset,
            Modes = Modes,
            Context = Context,
            Backend = backend,
            Anon = anon,
        };

    /// <summary>Gives the mapping an anon_vma: a neighbour's if the two may share it, else a new one.</summary>
    internal void PrepareAnon(VmaMap map)
    {
        if (Anon is not null || IsShared) return;
        AnonVma anon = NeighbourAnon(map) ?? new AnonVma();
        _ = Interlocked.CompareExchange(ref _anon, anon, null);
    }

    private AnonVma? NeighbourAnon(VmaMap map)
    {
        // Next first, then previous, as the kernel looks.
        Vma? next = map.Find(Range.End);
        if (next?.Anon is { } behind && VmaMerge.CouldShareAnon(this, next)) return behind;
        Vma? previous = map.Find(Range.Start - 1);
        return previous?.Anon is { } before && VmaMerge.CouldShareAnon(previous, this) ? before : null;
    }

    // mprotect: once writable, always accounted, but for anonymous memory that has no private page yet.
    private bool StaysAccounted(Prot prot)
    {
        if ((prot & Prot.Write) != 0) return !IsShared && !IsHuge;
        return IsAccounted && !(IsAnonymous && Anon is null);
    }

    private Vma Copy(PageRange range, Prot prot, bool accounted, RegisterModes modes, Registrant? context, VmaOwner owner) => new(owner)
    {
        Range = range,
        Prot = prot,
        File = File,
        IsShared = IsShared,
        MayWrite = MayWrite,
        IsDroppable = IsDroppable,
        IsLeftOutOfForks = IsLeftOutOfForks,
        IsAccounted = accounted,
        Offset = Offset + range.Start - Range.Start,
        Modes = modes,
        Context = context,
        Backend = Backend,
        Anon = Anon,
    };

    /// <inheritdoc />
    public override string ToString() => $"{Range}{(IsShared ? "s" : "p")}{(File is null ? "" : " " + File.Module.Facts.Name)} {Modes}";
}
