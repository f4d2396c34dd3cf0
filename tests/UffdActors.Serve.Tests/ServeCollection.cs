using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>One after the other: they count what the process has open.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
#pragma warning disable CA1711 // The name is xunit's own.
public sealed class ServeCollection : ICollectionFixture<VmmPrograms>, ICollectionFixture<HugePages>
#pragma warning restore CA1711
{
    /// <summary>Its name.</summary>
    public const string Name = "serve";
}
