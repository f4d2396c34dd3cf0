namespace UffdActors.Pictures.History;

/// <summary>Why a page is there.</summary>
internal enum PageCause : byte
{
    /// <summary>It is not.</summary>
    Absent,

    /// <summary>It was there before the first look: copied before the guest ran, or filled from the beginning.</summary>
    Before,

    /// <summary>A vCPU waited for it, whatever brought it then.</summary>
    Demand,

    /// <summary>It came before any vCPU that is watched had waited for it.</summary>
    Push,
}
