namespace UffdActors.Model.Mapping;

/// <summary>
/// A change of the map under way: VMAs are split at the edges of a range, replaced, and merged with neighbours that they have become equal
/// to. Nothing is visible until the result is published.
/// </summary>
internal sealed class MapEdit
{
    private readonly AddressSpace _mm;

    // VMAs that each owner has gained or lost; VMAs that the edit does not touch are not visited, for there may be thousands.
    private readonly Dictionary<VmaOwner, int> _gained = [];

    public MapEdit(AddressSpace mm)
    {
        _mm = mm;
        Map = mm.Map;
    }

    /// <summary>The map as it will be.</summary>
    public VmaMap Map { get; private set; }

    /// <summary>
    /// Replaces what a range holds: every VMA is split at the edges, and each piece inside goes through <paramref name="change"/>
    /// (null removes it). Pieces that changed are merged with their neighbours where the kernel would.
    /// </summary>
    public void Change(PageRange range, Func<Vma, Vma?> change)
    {
        ReadOnlySpan<Vma> affected = Map.In(range);
        if (range.IsEmpty || affected.Length == 0) return;
        List<Vma> pieces = [];
        List<bool> changed = [];
        foreach (Vma vma in affected)
        {
            PageRange inside = vma.Range.Intersect(range);
            // The first piece keeps the owner; every other piece of the same VMA gets one of its own.
            VmaOwner? owner = vma.Owner;
            VmaOwner Next()
            {
                VmaOwner next = owner ?? _mm.NewOwner();
                owner = null;
                return next;
            }

            Vma? middle = change(vma);
            if (ReferenceEquals(middle, vma))
            {
                pieces.Add(vma);
                changed.Add(false);
                continue;
            }

            if (vma.Range.Start < inside.Start)
            {
                pieces.Add(vma.Slice(vma.Range with { End = inside.Start }, Next()));
                changed.Add(false);
            }

            if (middle is not null)
            {
                pieces.Add(middle.Slice(inside, Next()));
                changed.Add(true);
            }

            if (inside.End < vma.Range.End)
            {
                pieces.Add(vma.Slice(vma.Range with { Start = inside.End }, Next()));
                changed.Add(false);
            }
        }

        Splice(new PageRange(affected[0].Range.Start, affected[^1].Range.End), pieces, changed);
    }

    /// <summary>Adds a VMA where nothing is mapped, merging it with its neighbours where the kernel would.</summary>
    public void Add(Vma vma) => Splice(vma.Range, [vma], [true]);

    /// <summary>Replaces one VMA by another over the same or a longer range, without merging.</summary>
    public void Exchange(Vma old, Vma with) => Replace(old.Range, [with]);

    /// <summary>Splits the VMA that holds a page at that page, unless it begins there.</summary>
    public void Split(long page)
    {
        if (Map.Find(page) is not { } vma || vma.Range.Start == page) return;
        Vma front = vma.Slice(vma.Range with { End = page });
        Vma rear = vma.Slice(vma.Range with { Start = page }, _mm.NewOwner());
        Replace(vma.Range, [front, rear]);
    }

    /// <summary>Merges the VMA that ends at a page with the one that begins there, if the kernel would.</summary>
    public void MergeBehind(long page)
    {
        if (Map.Find(page - 1) is { } left && Map.Find(page) is { } right && left != right && VmaMerge.CanMerge(left, right))
            Replace(new PageRange(page - 1, page + 1), [VmaMerge.Merge(left, right)]);
    }

    /// <summary>Publishes the result, and returns the owners that have lost their VMA.</summary>
    /// <returns>Those owners; each may hold operations that have to be forwarded.</returns>
    public List<VmaOwner> Publish()
    {
        _mm.Publish(Map);
        List<VmaOwner> retired = [.. _gained.Where(g => g.Value < 0).Select(g => g.Key).OrderBy(o => o.Number)];
        foreach (VmaOwner owner in retired) _mm.Retire(owner);
        return retired;
    }

    /// <summary>Puts pieces in the place of whole VMAs (or of nothing), joined with the neighbours on either side where they fit.</summary>
    private void Splice(PageRange replaced, List<Vma> pieces, List<bool> changed)
    {
        if (Map.Find(replaced.Start - 1) is { } before)
        {
            pieces.Insert(0, before);
            changed.Insert(0, false);
            replaced = replaced with { Start = before.Range.Start };
        }

        if (Map.Find(replaced.End) is { } behind)
        {
            pieces.Add(behind);
            changed.Add(false);
            replaced = replaced with { End = behind.Range.End };
        }

        List<Vma> merged = [];
        bool lastChanged = false;
        for (int i = 0; i < pieces.Count; i++)
        {
            if (merged.Count > 0 && (lastChanged || changed[i]) && VmaMerge.CanMerge(merged[^1], pieces[i]))
            {
                // A piece merges with the neighbour behind it at most; as in the kernel, that neighbour's own neighbour is not considered.
                merged[^1] = VmaMerge.Merge(merged[^1], pieces[i]);
                lastChanged = changed[i];
            }
            else
            {
                merged.Add(pieces[i]);
                lastChanged = changed[i];
            }
        }

        Replace(replaced, merged);
    }

    private void Replace(PageRange range, List<Vma> by)
    {
        foreach (Vma vma in Map.In(range)) Gain(vma.Owner, -1);
        foreach (Vma vma in by) Gain(vma.Owner, 1);
        Map = Map.Replace(range, by);
    }

    private void Gain(VmaOwner owner, int vmas) => _gained[owner] = _gained.GetValueOrDefault(owner) + vmas;
}
