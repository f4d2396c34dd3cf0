using UffdActors.Model.Backends;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Filling;

/// <summary>
/// Folios that a module has made or found for one turn of the VMA's owner: private until they are installed (RING R5). Those of CONTINUE
/// are the cache's, and never freed here.
/// </summary>
internal struct PreparedFolios
{
    private uint[]? _folios;

    /// <summary>Folios that are ready.</summary>
    public int Count { get; private set; }

    /// <summary>Has the module make or find folios, in a turn of its backend.</summary>
    /// <param name="fill">The call.</param>
    /// <param name="vma">The destination's mapping.</param>
    /// <param name="page">The page of the first.</param>
    /// <param name="count">Folios to prepare.</param>
    /// <param name="source">
    /// In: the folio that core has filled from the caller's memory. Out: one that core must fill from there before the hook is called
    /// again, or none.
    /// </param>
    /// <returns>Success; else the errno of the first folio that could not be prepared.</returns>
    public Errno Prepare(Fill fill, Vma vma, long page, int count, ref SourcePage source)
    {
        if (_folios is null || _folios.Length < count) _folios = new uint[count];
        while (Count < count)
        {
            uint folio = source.Folio;
            source.Folio = FolioStore.None;
            Errno error = One(fill, vma, page + Count, ref folio);
            if (error == Errno.ENOENT && fill.HasUserSource && folio != FolioStore.None && source.Loaded == 0)
            {
                // ENOENT with a folio: core fills this folio with all locks dropped, validates again, and calls the hook once more.
                source.Folio = folio;
                return error;
            }

            if (error != Errno.None)
            {
                if (fill.Kind != FillKind.Continue) vma.Store.Free(folio);
                return error;
            }

            _folios[Count++] = folio;
        }

        return Errno.None;
    }

    /// <summary>Drops the folios: the cache or the entries own them by now.</summary>
    public void Forget() => Count = 0;

    /// <summary>Installs one page after the other, and frees the remaining folios when one is refused.</summary>
    public Errno Install(Fill fill, Vma vma, long page, bool wp, out long installed)
    {
        Errno error = Errno.None;
        for (installed = 0; installed < Count; installed++)
        {
            error = fill.InstallOne(vma, page + installed, _folios![(int)installed], wp);
            if (error != Errno.None) break;
        }

        Free(vma, fill.Kind, (int)installed);
        return error;
    }

    /// <summary>Gives the folios back.</summary>
    /// <param name="vma">The destination's mapping; null only if there are none.</param>
    /// <param name="kind">The call.</param>
    /// <param name="first">The first that has not been installed.</param>
    public void Free(Vma? vma, FillKind kind, int first = 0)
    {
        if (kind != FillKind.Continue)
        {
            for (int i = first; i < Count; i++) vma!.Store.Free(_folios![i]);
        }

        Count = 0;
    }

    private static Errno One(Fill fill, Vma vma, long page, ref uint folio)
    {
        OpsDesign design = OpsDesign.Of(fill.Context.Mm.Machine);
        if (fill.Kind == FillKind.Continue) return design.TryFind(vma, page, out folio);

        FillSource source = fill.Kind == FillKind.ZeroPage
            ? FillSource.Zero
            : fill.Source.Advance((page << PageSize.BaseShift) - (long)fill.Start);
        return design.TryMake(new CopyRequest(vma, page, source, fill.Modes), ref folio);
    }
}
