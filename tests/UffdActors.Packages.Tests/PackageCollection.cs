namespace UffdActors.Packages.Tests;

/// <summary>The tests of the packages, which are packed once.</summary>
[CollectionDefinition(nameof(PackageCollection))]
public sealed class PackageCollection : ICollectionFixture<LocalFeed>;
