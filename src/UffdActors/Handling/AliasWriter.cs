using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// Writes content into the page cache through the second mapping of the file; CONTINUE maps it then. For handlers and the background push;
/// which writer may write a page is in <see cref="AliasPages"/>.
/// </summary>
internal static class AliasWriter
{
    /// <summary>Whose turn it is to write a page.</summary>
    /// <param name="alias">The alias.</param>
    /// <param name="page">First base page, of the region.</param>
    /// <param name="isClaimed">The caller has claimed it before.</param>
    public static AliasStep Begin(AliasPages alias, long page, bool isClaimed)
    {
        if (alias.IsWritten(page)) return AliasStep.Map;
        return isClaimed || alias.TryClaim(page) ? AliasStep.Write : AliasStep.Wait;
    }

    /// <summary>
    /// Writes a page that is claimed. From the claim to the mark nothing can come between, but a fault of our own on the alias.
    /// </summary>
    /// <param name="alias">The alias.</param>
    /// <param name="thread">The thread that writes.</param>
    /// <param name="page">One page of the region's own size.</param>
    /// <param name="hasZeros">The cache was allocated in full, and no hole was punched: a page of zeros is there already.</param>
    /// <returns>False if the alias has no page there. It stays claimed.</returns>
    public static bool TryWrite(AliasPages alias, MonitorThread thread, in PageRun page, bool hasZeros)
    {
        bool isThere = page.Content == SourceContent.Zero
            ? hasZeros
            : thread.TryWriteAlias(
                PageSize.AddressOf(alias.FirstPage + page.FirstPage), page.Data, page.Pages << PageSize.BaseShift);
        if (isThere) alias.MarkWritten(page.FirstPage);
        return isThere;
    }

    /// <summary>Writes pages at the front of a run, up to one that another writer has claimed, or that the alias has not.</summary>
    /// <param name="alias">The alias.</param>
    /// <param name="thread">The thread that writes.</param>
    /// <param name="run">Whole pages of the region.</param>
    /// <param name="unit">Base pages in a page of the region.</param>
    /// <param name="endsAtHole">The alias has no page behind the front; that page stays claimed.</param>
    /// <returns>Base pages that are in the cache now.</returns>
    public static int WriteFront(AliasPages alias, MonitorThread thread, in PageRun run, int unit, out bool endsAtHole)
    {
        endsAtHole = false;
        int ready = 0;
        for (; ready < run.Pages; ready += unit)
        {
            PageRun page = run.Behind(ready) with { Pages = unit };
            AliasStep step = Begin(alias, page.FirstPage, isClaimed: false);
            if (step == AliasStep.Wait) break;
            if (step == AliasStep.Map || TryWrite(alias, thread, page, hasZeros: true)) continue;
            endsAtHole = true;
            break;
        }

        return ready;
    }
}
