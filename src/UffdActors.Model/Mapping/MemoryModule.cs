using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>
/// A kind of memory: shmem, hugetlb, guest_memfd, a third party's driver. A module has no state of its own; it makes files, answers
/// ordinary page faults on them, and offers a <see cref="IVmUffdOps"/> table if its memory can be registered.
/// </summary>
public abstract class MemoryModule
{
    private ModuleFacts? _facts;

    /// <summary>Name for configuration and reports: lower case, digits and hyphens.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// log2 of the page size. Huge pages are filled by core, as hugetlb's are: the table's masks count, and its hooks are never called
    /// (SEMANTICS 7.2.7).
    /// </summary>
    public virtual int PageShift => PageSize.BaseShift;

    /// <summary>False if MAP_PRIVATE is refused with EINVAL.</summary>
    public virtual bool AllowsPrivate => true;

    /// <summary>True if a read fault also maps cached neighbours.</summary>
    public virtual bool HasFaultAround => false;

    /// <summary>True if its pages can be swapped out: they leave the page tables then, and count as cached all the same.</summary>
    public virtual bool CanSwap => false;

    /// <summary>False if write protection needs markers that this memory cannot keep.</summary>
    public virtual bool SupportsWpMarkers => true;

    /// <summary>
    /// True if the kernel before the operations table could register this memory too. A module of a third party could not.
    /// </summary>
    public virtual bool IsBuiltIn => false;

    /// <summary>The operations table, or null if this memory cannot be registered (but for asynchronous write protection).</summary>
    public abstract IVmUffdOps? Ops { get; }

    /// <summary>
    /// The merged table (7.1), for a module that offers other modes or ioctls there than in <see cref="Ops"/>; null to derive it from that.
    /// </summary>
    public virtual IFolioOps? FolioOps => null;

    /// <summary>What the members say, read at the first use.</summary>
    /// <exception cref="ModuleMemberException">One throws.</exception>
    internal ModuleFacts Facts => _facts ??= new ModuleFacts(this);

    /// <summary>Makes a file of this memory.</summary>
    /// <param name="machine">Where its folios come from.</param>
    /// <param name="bytes">Size; need not be a multiple of the page size.</param>
    /// <exception cref="ArgumentException">The module does not take such a size.</exception>
    public virtual MemoryFile CreateFile(Machine machine, long bytes) => new(this, machine, bytes);

    /// <summary>
    /// An ordinary fault: makes sure that a page below the end of the file is in the cache. A new page must hold zeros: core relies on it,
    /// and does not write a source's zeros over it (SEMANTICS 7.5.8). Runs in a turn of a VMA's owner; several owners may call it for one
    /// file at the same time. With phantom content a folio of 0 is such a page, and no lack of memory
    /// (<see cref="FolioStore.HasIdentity"/>).
    /// </summary>
    /// <returns>Success; EFAULT if the access is to fail (SIGBUS); ENOMEM.</returns>
    public virtual Errno Fault(MemoryFile file, long index)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.EnsurePage(index);
    }

    /// <summary>Whether mmap of a file is allowed.</summary>
    /// <returns>Success, or the errno that mmap gives.</returns>
    public virtual Errno CheckMapping(MemoryFile file, Prot prot, bool shared) =>
        !shared && !AllowsPrivate ? Errno.EINVAL : CheckProtection(prot, shared);

    /// <summary>Whether a mapping with this protection is allowed; called for mmap and mprotect.</summary>
    /// <returns>Success, or the errno that mmap gives.</returns>
    public virtual Errno CheckProtection(Prot prot, bool shared) => Errno.None;

    /// <summary>A mapping of the file has been made that reaches up to a byte of it. hugetlb grows the file to fit.</summary>
    public virtual void OnMapped(MemoryFile file, Prot prot, long end)
    {
    }

    /// <summary>Whether <c>fallocate</c>(2), <c>ftruncate</c>(2), <c>pwrite</c>(2) are allowed.</summary>
    /// <returns>Success, or the errno that the call gives.</returns>
    public virtual Errno CheckFileCall(FileCall call) => Errno.None;
}
