namespace UffdActors.Cli.Torture;

/// <summary>How a migration has ended, seen from outside.</summary>
internal enum TortureVerdict
{
    /// <summary>Both sides agree on every byte, and so does the run that nothing has happened to.</summary>
    Verified,

    /// <summary>The source is dead, and no guest has run at the destination.</summary>
    DiedWithSource,

    /// <summary>The source is dead; the guest waits at the destination for pages that are lost, and its operator has given it up.</summary>
    WaitsForLostPages,

    /// <summary>The source is dead; the destination had every page, and its guest has come to its end with every byte right.</summary>
    EndedWithoutSource,

    /// <summary>The destination died before it had the guest, which went on, and moved to a receiver that was started anew.</summary>
    MovedToAnother,

    /// <summary>The destination is dead, and may have had the guest: its operator has let it go on at the source.</summary>
    ResumedByOperator,

    /// <summary>The destination is dead with the guest; its source has not run it again.</summary>
    DiedWithDestination,

    /// <summary>The destination is dead when it had every page: its source is not needed any more.</summary>
    LeftWhole,
}
