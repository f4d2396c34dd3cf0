using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// KVM guest_memfd: shared mappings only, no file calls but allocating and hole punching inside its size (SEMANTICS 7.4). As a module
/// of the seed's table it takes MINOR and CONTINUE only (SEMANTICS 7.2.10); before the table it can be registered for asynchronous write
/// protection only; with the merged table for every mode, if the mapping is shared.
/// </summary>
internal sealed class GuestMemfd : MemoryModule
{
    /// <inheritdoc />
    public override string Name => "guest-memfd";

    /// <inheritdoc />
    public override bool AllowsPrivate => false;

    /// <inheritdoc />
    public override IVmUffdOps Ops { get; } = new Table();

    /// <inheritdoc />
    public override IFolioOps FolioOps { get; } = new Folios();

    /// <summary>Whether a file can be made: flags that exist, and whole pages.</summary>
    /// <returns>Success, or EINVAL.</returns>
    public static Errno CheckCreate(long bytes, GuestMemfdFlags flags) =>
        (flags & ~GuestMemfdFlags.Shared) == 0 && bytes > 0 && bytes % PageSize.Base == 0 ? Errno.None : Errno.EINVAL;

    /// <inheritdoc />
    public override MemoryFile CreateFile(Machine machine, long bytes) => CreateFile(machine, bytes, GuestMemfdFlags.Shared);

    /// <summary>Makes a file with flags.</summary>
    /// <exception cref="ArgumentException">EINVAL.</exception>
    public MemoryFile CreateFile(Machine machine, long bytes, GuestMemfdFlags flags)
    {
        if (CheckCreate(bytes, flags) == Errno.None) return new MemoryFile(this, machine, bytes) { Flags = (ulong)flags };
        throw new ArgumentException(
            $"A guest_memfd of {bytes} bytes with flags 0x{flags:x} is refused with EINVAL: the size must be a positive multiple of "
                + $"{PageSize.Base}, the flags 0 to 3.");
    }

    /// <inheritdoc />
    public override Errno CheckMapping(MemoryFile file, Prot prot, bool shared) =>
        Has(file, GuestMemfdFlags.Mmap) ? base.CheckMapping(file, prot, shared) : Errno.ENODEV;

    /// <inheritdoc />
    public override Errno CheckFileCall(FileCall call) => call switch
    {
        FileCall.Punch or FileCall.AllocateInside => Errno.None,
        FileCall.Allocate => Errno.EOPNOTSUPP,
        _ => Errno.EINVAL,
    };

    /// <inheritdoc />
    public override Errno Fault(MemoryFile file, long index) =>
        Has(file, GuestMemfdFlags.InitShared) ? base.Fault(file, index) : Errno.EFAULT;

    private static bool Has(MemoryFile file, GuestMemfdFlags flag) => (file.Flags & (ulong)flag) != 0;

    private sealed class Table : IVmUffdOps
    {
        public RegisterModes Features => RegisterModes.Minor;

        public UffdIoctls Ioctls => UffdIoctls.Continue;

        public bool HasGetFolio => true;

        public bool HasCopy => false;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            folio = FolioStore.None;
            if (index >= file.EndIndex) return Errno.EINVAL;
            CacheSlot slot = file.SlotAt(index);
            folio = slot.Folio;
            return slot.IsPresent ? Errno.None : Errno.ENOENT;
        }

        public Errno Copy(in CopyRequest request, ref uint folio) => Errno.EINVAL;
    }

    private sealed class Folios : IFolioOps
    {
        public bool HasAllocateFolio => true;

        public bool CanUserfault(Vma vma, RegisterModes modes) => Has(vma.File!, GuestMemfdFlags.InitShared);

        public bool TryGetFolio(MemoryFile file, long index, out uint folio)
        {
            CacheSlot slot = file.SlotAt(index);
            folio = slot.Folio;
            return slot.IsPresent && index < file.EndIndex;
        }

        public bool TryAllocateFolio(Vma vma, long page, out uint folio)
        {
            folio = FolioStore.None;
            if (vma.FileIndexOf(page) >= vma.File!.EndIndex) return false;
            folio = vma.File.Store.AllocateZeroed();
            return folio != FolioStore.None || !vma.File.Store.HasIdentity;
        }

        public Errno Add(uint folio, Vma vma, long page) =>
            vma.File!.TryAdd(vma.FileIndexOf(page), CacheSlot.Page(folio)) ? Errno.None : Errno.EEXIST;
    }
}
