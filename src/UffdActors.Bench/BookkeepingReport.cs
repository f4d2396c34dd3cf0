namespace UffdActors.Bench;

/// <summary>Bytes of bookkeeping a page, without content.</summary>
/// <param name="Content">phantom or bytes.</param>
/// <param name="Pages">Pages of the larger of two guests.</param>
/// <param name="NativeBytesPerPage">Page table and folio counts, the stamp of a phantom page included.</param>
/// <param name="ManagedBytesPerPage">On the garbage-collected heap.</param>
/// <param name="ContentBytesPerPage">Content that is kept in the entry itself.</param>
internal sealed record BookkeepingReport(
    string Content, long Pages, double NativeBytesPerPage, double ManagedBytesPerPage, double ContentBytesPerPage)
{
    /// <summary>Limit of bytes a page.</summary>
    public double Limit => Content == "phantom" ? 2 : 8;

    /// <summary>All bytes of a page, less content.</summary>
    public double BytesPerPage => NativeBytesPerPage + ManagedBytesPerPage - ContentBytesPerPage;

    /// <summary>True if they are within the limit.</summary>
    public bool IsWithinLimit => BytesPerPage <= Limit;
}
