using UffdActors.Model.Turns;

namespace UffdActors.Model.Mapping;

/// <summary>
/// A module's presence in one address space: the owner in whose turns the module's hooks run. The module itself may serve any number
/// of address spaces.
/// </summary>
internal sealed class Backend : Owner
{
    internal Backend(MemoryModule module) => Module = module;

    /// <summary>The module.</summary>
    public MemoryModule Module { get; }

    /// <inheritdoc />
    public override string ToString() => Module.Facts.Name;
}
