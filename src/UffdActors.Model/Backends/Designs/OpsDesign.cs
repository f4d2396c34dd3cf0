using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// The way in which core reaches file-backed memory: one of the designs that were proposed for it (SEMANTICS 7). A design is core's
/// side together with the adapter that lets an unchanged <see cref="MemoryModule"/> be called through it. Which one applies is a matter
/// of the kernel (<see cref="KernelProfile.Shape"/>).
/// </summary>
/// <remarks>
/// A design has no state and may be called from any thread; <see cref="Find"/> and <see cref="Make"/> run in turns of the module's
/// <see cref="Backend"/>, <see cref="Add"/> in a turn of the VMA's owner. hugetlb is filled by core in every design.
/// </remarks>
internal abstract class OpsDesign
{
    private static readonly OpsDesign[] ByShape =
        [new BuiltInDesign(), new TableDesign(), new FolioDesign(), new FaultHandlerDesign(), new RequestDesign(),
            new ReducedTableDesign()];

    /// <summary>One line that says what the design is.</summary>
    public abstract string Description { get; }

    /// <summary>
    /// True if a COPY that had dropped its locks to read its source gives EAGAIN when the mapping was replaced meanwhile; earlier kernels
    /// fill whatever is mapped there now (SEMANTICS 7.3.5).
    /// </summary>
    public virtual bool RefusesChangedMapping => false;

    /// <summary>The design of a shape.</summary>
    public static OpsDesign Of(OpsShape shape) => ByShape[(int)shape];

    /// <summary>The design of the kernel that a machine runs.</summary>
    internal static OpsDesign Of(Machine machine) => ByShape[(int)machine.Profile.Shape];

    /// <summary>Whether core's rules and the module agree to a registration of file-backed memory.</summary>
    /// <param name="vma">A mapping of a module's file.</param>
    /// <param name="modes">The modes asked for; none for "could it ever be registered".</param>
    public abstract bool Accepts(Vma vma, RegisterModes modes);

    /// <summary>
    /// Whether a fill of a registered mapping of a file is taken at all; if not, it gives EINVAL before a page is looked at.
    /// </summary>
    public abstract bool Takes(Vma vma, FillKind kind);

    /// <summary>CONTINUE: the cached folio of a page, in base pages.</summary>
    /// <returns>Success, or the errno that user space sees.</returns>
    public abstract Errno Find(Vma vma, long page, out uint folio);

    /// <summary>
    /// COPY and ZEROPAGE on a shared mapping of base pages: a folio with the content. The contract is that of
    /// <see cref="IVmUffdOps.Copy"/>.
    /// </summary>
    public abstract Errno Make(in CopyRequest request, ref uint folio);

    /// <summary>Puts a folio that <see cref="Make"/> made into the cache.</summary>
    /// <returns>Success, or EEXIST.</returns>
    public virtual Errno Add(Vma vma, long page, uint folio) =>
        vma.File!.TryAdd(vma.FileIndexOf(page), CacheSlot.Page(folio)) ? Errno.None : Errno.EEXIST;

    /// <summary>The members that a module must implement under this design to offer what it offers here.</summary>
    public abstract IReadOnlyList<string> MembersOf(MemoryModule module);

    /// <summary>A table bit without its hook: the kernel warns once and refuses with EINVAL (SEMANTICS 7.2.7).</summary>
    private protected static Errno MissingHook(Vma vma, string hook)
    {
        vma.Owner.Mm.Machine.WarnOnce($"module \"{vma.File!.Module.Facts.Name}\" advertises what needs {hook}, and has no such hook");
        return Errno.EINVAL;
    }

    /// <summary>
    /// A lookup through <see cref="IVmUffdOps.GetFolio"/>: what is not found is EFAULT, any other error is passed on (SEMANTICS 7.2.6).
    /// </summary>
    private protected static Errno FindByTable(Vma vma, IVmUffdOps ops, long page, out uint folio)
    {
        MemoryFile file = vma.File!;
        Errno error = ops.GetFolio(file, vma.FileIndexOf(page), out folio);
        if (error == Errno.ENOENT) return Errno.EFAULT;
        return error == Errno.None && folio == FolioStore.None && file.Store.HasIdentity ? Errno.EFAULT : error;
    }

    /// <summary>The ioctl's bit.</summary>
    private protected static UffdIoctls BitOf(FillKind kind) => kind switch
    {
        FillKind.Copy => UffdIoctls.Copy,
        FillKind.ZeroPage => UffdIoctls.ZeroPage,
        FillKind.Continue => UffdIoctls.Continue,
        _ => UffdIoctls.Poison,
    };
}
