namespace UffdActors.Handling;

/// <summary>
/// Content that goes in through a second mapping of the same file, page by page. A page is written exactly once, by the writer that claims
/// it: written again after it has been mapped, it would lose what the guest has written since.
/// </summary>
internal sealed class AliasPages
{
    private readonly PageBitmap _claimed;
    private readonly PageBitmap _written;
    private readonly PageBitmap _asIs;
    private readonly WrittenJournal? _journal;

    /// <param name="firstPage">First page of the alias in the address space.</param>
    /// <param name="pages">Pages of it.</param>
    /// <param name="journal">
    /// Keeps what has been written for a process that comes later, and has what an earlier one has written; null for neither.
    /// </param>
    public AliasPages(long firstPage, long pages, WrittenJournal? journal = null)
    {
        FirstPage = firstPage;
        _claimed = new PageBitmap(pages);
        _written = new PageBitmap(pages);
        _asIs = new PageBitmap(pages);
        _journal = journal;
        for (long page = 0; journal is { IsFound: true } && page < pages; page++)
        {
            if (!journal.Contains(page)) continue;
            _ = _claimed.Set(page);
            _ = _written.Set(page);
        }
    }

    /// <summary>First page of the alias in the address space.</summary>
    public long FirstPage { get; }

    /// <summary>True once the page's content is in the cache: from then on it is only mapped.</summary>
    public bool IsWritten(long page) => _written.Contains(page);

    /// <summary>
    /// True if what the cache has of the page is the guest's: it was written, or removed, so that nothing comes from the source any more.
    /// </summary>
    public bool IsGuests(long page) => _written.Contains(page) || _asIs.Contains(page);

    /// <summary>Pages were removed: whatever the cache has of them from now on is right as it is.</summary>
    public void LeaveAsIs(long page, long count) => _asIs.Set(page, count);

    /// <summary>Claims a page that is not claimed yet.</summary>
    public bool TryClaim(long page) => _claimed.Set(page);

    /// <summary>The claimed page has its content.</summary>
    public void MarkWritten(long page)
    {
        // Before it is mapped: what is not noted may be written again.
        _journal?.Add(page);
        _ = _claimed.Set(page);
        _ = _written.Set(page);
    }

    /// <summary>The cache has lost the page (a hole was punched): it has to be written again.</summary>
    public void Forget(long page)
    {
        _journal?.Remove(page);
        _written.Clear(page);
        _claimed.Clear(page);
    }

    /// <summary>The writer that had claimed the page will not write it: another may.</summary>
    public void Unclaim(long page)
    {
        if (!_written.Contains(page)) _claimed.Clear(page);
    }
}
