namespace UffdActors.Model.Mapping;

/// <summary>
/// The operations table of a memory module, in the shape proposed in June 2025 (<c>struct vm_uffd_ops</c>): two masks, two hooks.
/// Core reaches a module through this table only.
/// </summary>
/// <remarks>
/// <para>
/// Threads: both hooks run in turns of the <see cref="Backend"/> owner, of which there is one for each address space that maps the
/// module. A file may be mapped by several address spaces, so two of them can run hooks for one file at the same time. A hook may
/// read the file's cache, and may change a slot by compare-exchange only; it never touches entries, VMAs or contexts.
/// </para>
/// <para>State: the table itself has none; what a file needs is in its <see cref="MemoryFile"/>.</para>
/// </remarks>
public interface IVmUffdOps
{
    /// <summary>Modes that UFFDIO_REGISTER accepts for this memory. Not empty.</summary>
    RegisterModes Features { get; }

    /// <summary>
    /// Range ioctls that work on this memory. COPY goes with MISSING, CONTINUE with MINOR, WRITEPROTECT with WP. Handlers fill base pages
    /// of zeros by ZEROPAGE, and by a COPY of zeros where that is refused: without ZEROPAGE such a page costs two calls. What REGISTER
    /// reports to user space is not taken from here (SEMANTICS 3.2.5, 7.2.2).
    /// </summary>
    UffdIoctls Ioctls { get; }

    /// <summary>
    /// True if <see cref="GetFolio"/> is there; a table that offers CONTINUE without it is refused. False with huge pages
    /// (<see cref="MemoryModule.PageShift"/>), which core finds itself.
    /// </summary>
    bool HasGetFolio { get; }

    /// <summary>
    /// True if <see cref="Copy"/> is there; a table that offers COPY or ZEROPAGE without it is refused. False with huge pages, which core
    /// makes itself.
    /// </summary>
    bool HasCopy { get; }

    /// <summary>CONTINUE: finds the cached folio of a page. Never allocates.</summary>
    /// <param name="file">The file.</param>
    /// <param name="index">Page of the file.</param>
    /// <param name="folio">The folio.</param>
    /// <returns>
    /// Success; ENOENT for a hole, which user space sees as EFAULT; anything else reaches user space as it is (shmem: EINVAL beyond
    /// the end of the file).
    /// </returns>
    Errno GetFolio(MemoryFile file, long index, out uint folio);

    /// <summary>
    /// COPY and ZEROPAGE on a shared mapping: makes a folio with the content asked for. It is put into the cache and mapped
    /// afterwards, in one turn of the VMA's owner.
    /// </summary>
    /// <param name="request">What to fill, and from where.</param>
    /// <param name="folio">
    /// In: none, or a folio of an earlier call that core has filled meanwhile. Out: the folio. Core frees it on any failure.
    /// </param>
    /// <returns>
    /// Success; ENOENT together with a folio means that core must fill this folio with all locks dropped and call again; else the errno for
    /// user space. Handlers try a page again after ENOMEM, wake its threads after EEXIST, ENOENT and EFAULT, and report EINVAL,
    /// EIO and their like as a fill that is refused for good, while its threads go on waiting.
    /// </returns>
    Errno Copy(in CopyRequest request, ref uint folio);
}
