using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Faults;

/// <summary>
/// Wraps a memory module, and makes a hook throw or memory run out where the run's faults say so. Made only for scenarios that allow one of
/// the two.
/// </summary>
internal sealed class FaultyModule(MemoryModule inner, FaultPlan faults) : MemoryModule
{
    /// <inheritdoc />
    public override string Name => inner.Name;

    /// <inheritdoc />
    public override bool AllowsPrivate => inner.AllowsPrivate;

    /// <inheritdoc />
    public override bool HasFaultAround => inner.HasFaultAround;

    /// <inheritdoc />
    public override bool CanSwap => inner.CanSwap;

    /// <inheritdoc />
    public override bool SupportsWpMarkers => inner.SupportsWpMarkers;

    /// <inheritdoc />
    public override bool IsBuiltIn => inner.IsBuiltIn;

    /// <inheritdoc />
    public override IVmUffdOps? Ops { get; } = inner.Ops is { } ops ? new Table(ops, faults) : null;

    /// <inheritdoc />
    public override IFolioOps? FolioOps { get; } = inner.FolioOps is { } ops ? new Folios(ops, faults) : null;

    /// <inheritdoc />
    public override MemoryFile CreateFile(Machine machine, long bytes)
    {
        using MemoryFile plain = inner.CreateFile(machine, bytes);
        return new MemoryFile(this, machine, bytes) { Flags = plain.Flags };
    }

    private sealed class Folios(IFolioOps inner, FaultPlan faults) : IFolioOps
    {
        public bool HasAllocateFolio => inner.HasAllocateFolio;

        public bool CanUserfault(Vma vma, RegisterModes modes) => inner.CanUserfault(vma, modes);

        public bool TryGetFolio(MemoryFile file, long index, out uint folio)
        {
            MayThrow(faults);
            return inner.TryGetFolio(file, index, out folio);
        }

        public bool TryAllocateFolio(Vma vma, long page, out uint folio)
        {
            MayThrow(faults);
            folio = FolioStore.None;
            return !faults.Hits(FaultPoint.ModuleNoMemory) && inner.TryAllocateFolio(vma, page, out folio);
        }

        public Errno Add(uint folio, Vma vma, long page) => inner.Add(folio, vma, page);
    }

    private static void MayThrow(FaultPlan faults)
    {
        if (faults.Hits(FaultPoint.ModuleFail)) throw new InvalidOperationException("the module was made to fail");
    }

    private sealed class Table(IVmUffdOps inner, FaultPlan faults) : IVmUffdOps
    {
        public RegisterModes Features => inner.Features;

        public UffdIoctls Ioctls => inner.Ioctls;

        public bool HasGetFolio => inner.HasGetFolio;

        public bool HasCopy => inner.HasCopy;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            MayThrow(faults);
            return inner.GetFolio(file, index, out folio);
        }

        public Errno Copy(in CopyRequest request, ref uint folio)
        {
            MayThrow(faults);
            return faults.Hits(FaultPoint.ModuleNoMemory) ? Errno.ENOMEM : inner.Copy(request, ref folio);
        }
    }
}
