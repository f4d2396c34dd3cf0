using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// hugetlb, 2 MiB pages from a pool. It declares modes and ioctls and has no hooks: its fill loop is hard-coded in core, as its fault
/// handler is in Linux (addendum C7). ZEROPAGE is missing, for there is no huge page of zeros.
/// </summary>
public sealed class Hugetlb : MemoryModule
{
    /// <inheritdoc />
    public override string Name => "hugetlb";

    /// <inheritdoc />
    public override int PageShift => PageSize.HugeShift;

    /// <inheritdoc />
    public override bool IsBuiltIn => true;

    /// <inheritdoc />
    public override IVmUffdOps Ops { get; } = new Table();

    /// <inheritdoc />
    public override void OnMapped(MemoryFile file, Prot prot, long end)
    {
        ArgumentNullException.ThrowIfNull(file);
        if ((prot & Prot.Write) != 0 && file.Bytes < end) file.Resize(end);
    }

    private sealed class Table : IVmUffdOps
    {
        public RegisterModes Features => RegisterModes.All;

        public UffdIoctls Ioctls => UffdIoctls.Copy | UffdIoctls.WriteProtect | UffdIoctls.Continue | UffdIoctls.Poison;

        public bool HasGetFolio => false;

        public bool HasCopy => false;

        public Errno GetFolio(MemoryFile file, long index, out uint folio) =>
            throw new InvalidOperationException("Core fills hugetlb itself and never calls its hooks.");

        public Errno Copy(in CopyRequest request, ref uint folio) =>
            throw new InvalidOperationException("Core fills hugetlb itself and never calls its hooks.");
    }
}
