using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Mapping;

/// <summary>
/// The single writer of the entries of one VMA. VMAs are replaced when they change; their owner stays, and one that has lost its
/// VMA (merged, unmapped) only forwards operations already in its queue, until the address space assigns it another.
/// </summary>
internal class VmaOwner : Owner
{
    private readonly List<Operation> _stash = [];
    private readonly List<Limbo> _limbo = [];

    internal VmaOwner(AddressSpace mm, int number)
    {
        Mm = mm;
        Number = number;
    }

    /// <summary>The address space that it belongs to.</summary>
    public AddressSpace Mm { get; }

    /// <summary>Order of creation; names the owner in traces.</summary>
    public int Number { get; }

    /// <summary>The VMA of this owner that holds a page, according to the published map; null if another owner has it by now.</summary>
    internal Vma? VmaAt(long page)
    {
        Vma? vma = Mm.Map.Find(page);
        return vma is not null && ReferenceEquals(vma.Owner, this) ? vma : null;
    }

    /// <summary>Keeps an operation until <see cref="Release"/>.</summary>
    internal void Stash(Operation operation) => _stash.Add(operation);

    /// <summary>Ends a Hold: what was kept is sent again, in the order in which it came.</summary>
    internal void Release()
    {
        IsHeld = false;
        foreach (Operation operation in _stash) operation.Resume();
        _stash.Clear();
    }

    /// <summary>
    /// Gives a folio back as soon as no thread can still be using it. The entry that named it must have been overwritten.
    /// </summary>
    internal void FreeLater(FolioStore store, uint folio, PageRange page)
    {
        if (folio == FolioStore.None || !store.HasIdentity) return;
        if (Mm.Guards.AnyIn(page)) _limbo.Add(new Limbo(store, folio, page));
        else store.Free(folio);
    }

    /// <summary>Frees the folios that no guard holds any more. Called at the start of turns; costs nothing if none is waiting.</summary>
    internal void Settle()
    {
        if (_limbo.Count == 0) return;
        _ = _limbo.RemoveAll(item =>
        {
            if (Mm.Guards.AnyIn(item.Page)) return false;
            item.Store.Free(item.Folio);
            return true;
        });
    }

    /// <summary>The address space ends, so no thread uses its pages any more: frees all folios that were waiting for a guard.</summary>
    internal void FreeLimbo()
    {
        foreach (Limbo item in _limbo) item.Store.Free(item.Folio);
        _limbo.Clear();
    }

    /// <inheritdoc />
    public override string ToString() => $"vma {Number}";

    private readonly record struct Limbo(FolioStore Store, uint Folio, PageRange Page);

    /// <summary>True while the address space changes VMAs: fills and populates wait (RING R3).</summary>
    [MutationPoint("RING R3")]
    internal virtual bool IsHeld { get; set; }
}
