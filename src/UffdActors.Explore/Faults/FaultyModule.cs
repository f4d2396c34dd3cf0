using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Faults;

/// <summary>
/// A memory module that is another one, until a run's faults say that a hook throws or that there is no memory. Made only for scenarios
/// that allow one of the two.
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

    private sealed class Table(IVmUffdOps inner, FaultPlan faults) : IVmUffdOps
    {
        public RegisterModes Features => inner.Features;

        public UffdIoctls Ioctls => inner.Ioctls;

        public bool HasGetFolio => inner.HasGetFolio;

        public bool HasCopy => inner.HasCopy;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            MayThrow();
            return inner.GetFolio(file, index, out folio);
        }

        public Errno Copy(in CopyRequest request, ref uint folio)
        {
            MayThrow();
            return faults.Hits(FaultPoint.ModuleNoMemory) ? Errno.ENOMEM : inner.Copy(request, ref folio);
        }

        private void MayThrow()
        {
            if (faults.Hits(FaultPoint.ModuleFail)) throw new InvalidOperationException("the module was made to fail");
        }
    }
}
