namespace UffdActors.Bench;

/// <summary>What pages cost beside their content.</summary>
/// <param name="Content">phantom or bytes.</param>
/// <param name="Pages">Pages of the larger of two guests.</param>
/// <param name="NativeBytesPerPage">Page table and folio counts, the stamp of a phantom page included.</param>
/// <param name="ManagedBytesPerPage">On the garbage-collected heap.</param>
/// <param name="ContentBytesPerPage">Content that is kept in the entry itself.</param>
internal sealed record BookkeepingReport(
    string Content, long Pages, double NativeBytesPerPage, double ManagedBytesPerPage, double ContentBytesPerPage)
{
    /// <summary>The most that a page may cost.</summary>
    public double Limit => Content == "phantom" ? 2 : 8;

    /// <summary>All bytes of a page, less content.</summary>
    public double BytesPerPage => NativeBytesPerPage + ManagedBytesPerPage - ContentBytesPerPage;

    /// <summary>True if that is no more than it may be.</summary>
    public bool IsWithinLimit => BytesPerPage <= Limit;
}
