using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// hugetlb, 2 MiB pages from a pool, or 1 GiB pages (by rule: there are no recordings of those). It declares modes and ioctls and has no
/// hooks: its fill loop is hard-coded in core, as its fault handler is in Linux (SEMANTICS 7.2.7). ZEROPAGE is missing, for there is no
/// huge page of zeros.
/// </summary>
internal sealed class Hugetlb : MemoryModule
{
    /// <summary>Makes the module.</summary>
    /// <param name="pageShift">log2 of the page size: <see cref="PageSize.HugeShift"/> or <see cref="PageSize.GiantShift"/>.</param>
    public Hugetlb(int pageShift = PageSize.HugeShift)
    {
        if (pageShift is not (PageSize.HugeShift or PageSize.GiantShift))
            throw new ArgumentOutOfRangeException(nameof(pageShift), pageShift, "Huge pages are of 2 MiB (21) or of 1 GiB (30).");
        PageShift = pageShift;
    }

    /// <inheritdoc />
    public override string Name => PageShift == PageSize.GiantShift ? "hugetlb-1g" : "hugetlb";

    /// <inheritdoc />
    public override int PageShift { get; }

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
