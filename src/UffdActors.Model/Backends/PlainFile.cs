using UffdActors.Model.Mapping;

namespace UffdActors.Model.Backends;

/// <summary>An ordinary file of some file system: it has no table, and can be registered for asynchronous write protection only.</summary>
internal sealed class PlainFile : MemoryModule
{
    /// <inheritdoc />
    public override string Name => "file";

    /// <inheritdoc />
    public override bool HasFaultAround => true;

    /// <inheritdoc />
    public override IVmUffdOps? Ops => null;
}
