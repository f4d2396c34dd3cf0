namespace UffdActors.Handling;

/// <summary>What there is to do with a page that goes in through the alias.</summary>
internal enum AliasStep
{
    /// <summary>Its content is in the cache: map it.</summary>
    Map,

    /// <summary>It is claimed for the caller: write it.</summary>
    Write,

    /// <summary>Another writer has claimed it, and will wake its threads.</summary>
    Wait,
}
