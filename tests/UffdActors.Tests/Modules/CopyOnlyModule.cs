using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Tests.Modules;

/// <summary>Memory like shmem, of a module that offers COPY and no ZEROPAGE.</summary>
public sealed class CopyOnlyModule : MemoryModule, IVmUffdOps
{
    /// <summary>What Copy gives instead of a page; per thread of execution, as tests run in parallel.</summary>
    public static AsyncLocal<Errno> Refuses { get; } = new();

    private readonly Errno _refuses = Refuses.Value;

    public override string Name => "copy-only";

    public override IVmUffdOps Ops => this;

    public RegisterModes Features => RegisterModes.Missing;

    public UffdIoctls Ioctls => UffdIoctls.Copy;

    public bool HasGetFolio => false;

    public bool HasCopy => true;

    public Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        folio = FolioStore.None;
        return Errno.ENOENT;
    }

    public Errno Copy(in CopyRequest request, ref uint folio)
    {
        if (_refuses == Errno.None) folio = request.File.Store.AllocateFrom(request.Source);
        return _refuses;
    }
}
