using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>shmem: tmpfs, memfd, shared anonymous memory. All modes, all fills.</summary>
internal sealed class Shmem : MemoryModule
{
    /// <inheritdoc />
    public override string Name => "shmem";

    /// <inheritdoc />
    public override bool HasFaultAround => true;

    /// <inheritdoc />
    public override bool CanSwap => true;

    /// <inheritdoc />
    public override bool IsBuiltIn => true;

    /// <inheritdoc />
    public override IVmUffdOps Ops { get; } = new Table();

    private sealed class Table : IVmUffdOps
    {
        public RegisterModes Features => RegisterModes.All;

        public UffdIoctls Ioctls =>
            UffdIoctls.Copy | UffdIoctls.ZeroPage | UffdIoctls.WriteProtect | UffdIoctls.Continue | UffdIoctls.Poison;

        public bool HasGetFolio => true;

        public bool HasCopy => true;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            folio = FolioStore.None;
            if (index >= file.EndIndex) return Errno.EINVAL;
            CacheSlot slot = file.SlotAt(index);
            folio = slot.Folio;
            return slot.IsPresent ? Errno.None : Errno.ENOENT;
        }

        public Errno Copy(in CopyRequest request, ref uint folio)
        {
            FolioStore store = request.File.Store;
            if (folio == FolioStore.None)
            {
                bool mustBeRead = request.Source.Kind == FillSourceKind.User;
                folio = mustBeRead ? store.AllocateZeroed() : store.AllocateFrom(request.Source);
                if (folio == FolioStore.None && store.HasIdentity) return Errno.ENOMEM;
                if (mustBeRead) return Errno.ENOENT;
            }

            return request.FileIndex < request.File.EndIndex ? Errno.None : Errno.EFAULT;
        }
    }
}
