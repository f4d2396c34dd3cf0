namespace UffdActors.Worlds;

/// <summary>Why a userfaultfd is closed.</summary>
internal enum ClosingReason
{
    /// <summary>It is given up, as its VM is: the guest has been stopped as far as that is in our hands.</summary>
    GivenUp,

    /// <summary>No page is absent, so nobody can read zeros.</summary>
    NothingIsAbsent,

    /// <summary>Pages are absent, and the embedder takes the loss.</summary>
    LossIsTaken,
}

/// <summary>What a userfaultfd still owes its guest.</summary>
/// <param name="Regions">Regions whose pages come through it, for reports; empty if none do, and closing turns nothing into zeros.</param>
/// <param name="Pages">Pages of regions that are being served and are not there.</param>
internal readonly record struct Absence(string Regions, long Pages);
