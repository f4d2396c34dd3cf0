namespace UffdActors.Worlds;

/// <summary>Why a userfaultfd is closed.</summary>
internal enum ClosingReason
{
    /// <summary>It is given up, as its VM is: the guest has been stopped as far as that is in our hands.</summary>
    GivenUp,

    /// <summary>No page is absent, so no thread can read zeros for one.</summary>
    NothingIsAbsent,

    /// <summary>Pages are absent, and the embedder takes the loss.</summary>
    LossIsTaken,
}
