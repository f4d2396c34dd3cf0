namespace UffdActors.Handling;

/// <summary>What there is to do with a page that goes in through the alias.</summary>
internal enum AliasStep
{
    /// <summary>Its content is in the cache: map it.</summary>
    Map,

    /// <summary>It is claimed for whoever has asked: write it.</summary>
    Write,

    /// <summary>Somebody else has claimed it, and will wake its threads.</summary>
    Wait,
}
