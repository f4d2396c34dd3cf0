using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Tests.Modules;

/// <summary>Memory like shmem, of a module whose code throws where a test says so.</summary>
public sealed class FaultyModule : MemoryModule, IVmUffdOps
{
    /// <summary>The hook that throws; null for none. Per thread of execution, as tests run in parallel.</summary>
    public static AsyncLocal<string?> Throws { get; } = new();

    private readonly string? _throws = Throws.Value;

    public override string Name => "faulty";

    public override IVmUffdOps Ops => this;

    public RegisterModes Features => RegisterModes.Missing;

    public UffdIoctls Ioctls => UffdIoctls.Copy | UffdIoctls.ZeroPage;

    public bool HasGetFolio => false;

    public bool HasCopy => true;

    public Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        folio = FolioStore.None;
        return Errno.ENOENT;
    }

    public Errno Copy(in CopyRequest request, ref uint folio)
    {
        // The third page, so that some have been made already.
        if (request.FileIndex == 2) Fail("Copy");
        folio = request.File.Store.AllocateFrom(request.Source);
        return Errno.None;
    }

    public override Errno Fault(MemoryFile file, long index)
    {
        Fail("Fault");
        return base.Fault(file, index);
    }

    public override Errno CheckProtection(Prot prot, bool shared)
    {
        Fail("CheckProtection");
        return Errno.None;
    }

    public override void OnMapped(MemoryFile file, Prot prot, long end) => Fail("OnMapped");

    private void Fail(string hook)
    {
        if (_throws == hook) throw new InvalidOperationException($"{hook} is broken");
    }
}

/// <summary>A table that offers COPY and has no hook for it: loaded only if the configuration is lax.</summary>
public sealed class HooklessModule : MemoryModule, IVmUffdOps
{
    public override string Name => "hookless";

    public override IVmUffdOps Ops => this;

    public RegisterModes Features => RegisterModes.Missing;

    public UffdIoctls Ioctls => UffdIoctls.Copy;

    public bool HasGetFolio => false;

    public bool HasCopy => false;

    public Errno GetFolio(MemoryFile file, long index, out uint folio) =>
        throw new InvalidOperationException("core must not call a hook that is not there");

    public Errno Copy(in CopyRequest request, ref uint folio) =>
        throw new InvalidOperationException("core must not call a hook that is not there");
}
