using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;

namespace UffdActors.Cli.Tests;

/// <summary>A memory module with a complete and correct table; each of those below is wrong in one way.</summary>
public class RightModule : MemoryModule, IVmUffdOps
{
    public override string Name => "right";

    public override IVmUffdOps Ops => this;

    public virtual RegisterModes Features => RegisterModes.All;

    public virtual UffdIoctls Ioctls =>
        UffdIoctls.Copy | UffdIoctls.ZeroPage | UffdIoctls.WriteProtect | UffdIoctls.Continue | UffdIoctls.Poison;

    public bool HasGetFolio => true;

    public virtual bool HasCopy => true;

    public virtual Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        ArgumentNullException.ThrowIfNull(file);
        CacheSlot slot = file.Use(index);
        folio = slot.Folio;
        return index >= file.EndIndex ? Errno.EINVAL : slot.IsPresent ? Errno.None : Errno.ENOENT;
    }

    public virtual Errno Copy(in CopyRequest request, ref uint folio)
    {
        if (request.FileIndex >= request.File.EndIndex) return Errno.EFAULT;
        if (folio == FolioStore.None) folio = request.File.Store.AllocateFrom(request.Source);
        return Errno.None;
    }
}

/// <summary>Its lookup makes what it does not find.</summary>
public sealed class AllocatingModule : RightModule
{
    public override Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        ArgumentNullException.ThrowIfNull(file);
        _ = file.EnsurePage(index);
        return base.GetFolio(file, index, out folio);
    }
}

/// <summary>It keeps a page of the cache that was never asked for.</summary>
public sealed class LeakingModule : RightModule
{
    public override Errno Copy(in CopyRequest request, ref uint folio)
    {
        _ = request.File.Store.AllocateZeroed();
        return base.Copy(request, ref folio);
    }
}

/// <summary>It advertises ZEROPAGE and refuses it.</summary>
public sealed class RefusingModule : RightModule
{
    public override Errno Copy(in CopyRequest request, ref uint folio) =>
        request.Source.Kind == FillSourceKind.Zero ? Errno.EINVAL : base.Copy(request, ref folio);
}

/// <summary>It offers MISSING without COPY.</summary>
public sealed class ContradictingModule : RightModule
{
    public override UffdIoctls Ioctls => base.Ioctls & ~UffdIoctls.Copy;
}

/// <summary>Its lookup throws.</summary>
public sealed class ThrowingModule : RightModule
{
    public override Errno GetFolio(MemoryFile file, long index, out uint folio) => throw new InvalidOperationException("out of order");
}
