using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// KVM guest_memfd, made to be mapped and shared (MMAP and INIT_SHARED): shared mappings only, no file calls but hole punching
/// (specification 7.4). As a module of the table it takes MINOR and CONTINUE only (addendum C10); before the table it takes
/// nothing but asynchronous write protection.
/// </summary>
public sealed class GuestMemfd : MemoryModule
{
    /// <inheritdoc />
    public override string Name => "guest-memfd";

    /// <inheritdoc />
    public override bool AllowsPrivate => false;

    /// <inheritdoc />
    public override IVmUffdOps Ops { get; } = new Table();

    /// <inheritdoc />
    public override MemoryFile CreateFile(Machine machine, long bytes)
    {
        if (bytes <= 0 || bytes % PageSize.Base != 0)
            throw new ArgumentException($"A guest_memfd of {bytes} bytes is refused with EINVAL: the size must be a positive multiple of {PageSize.Base}.", nameof(bytes));
        return base.CreateFile(machine, bytes);
    }

    /// <inheritdoc />
    public override Errno CheckProtection(Prot prot, bool shared) => Errno.None;

    /// <inheritdoc />
    public override Errno CheckFileCall(FileCall call) => call switch
    {
        FileCall.Punch => Errno.None,
        FileCall.Allocate => Errno.EOPNOTSUPP,
        _ => Errno.EINVAL,
    };

    private sealed class Table : IVmUffdOps
    {
        public RegisterModes Features => RegisterModes.Minor;

        public UffdIoctls Ioctls => UffdIoctls.Continue;

        public bool HasGetFolio => true;

        public bool HasCopy => false;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            CacheSlot slot = file.SlotAt(index);
            folio = slot.Folio;
            return slot.IsPresent ? Errno.None : Errno.ENOENT;
        }

        public Errno Copy(in CopyRequest request, ref uint folio) => Errno.EINVAL;
    }
}
