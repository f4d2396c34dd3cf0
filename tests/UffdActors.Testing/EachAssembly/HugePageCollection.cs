using UffdActors.Testing.ThisMachine;

namespace UffdActors.Testing;

/// <summary>
/// All tests that need huge pages, one after the other, and beside no other of the process: some count what a process has open.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
#pragma warning disable CA1711 // The name is xunit's own.
public sealed class HugePageCollection : ICollectionFixture<HugePages>
#pragma warning restore CA1711
{
    /// <summary>Its name.</summary>
    public const string Name = "huge pages";
}
