namespace UffdActors.Pictures.History;

/// <summary>What a cell of the memory map shows of its pages.</summary>
internal enum CellState : byte
{
    /// <summary>Most are not there.</summary>
    Absent,

    /// <summary>One is waited for right now.</summary>
    Requested,

    /// <summary>Most of those that are there came because a vCPU had waited.</summary>
    Demand,

    /// <summary>Most came before anybody waited.</summary>
    Push,

    /// <summary>Most are zeros of the source.</summary>
    Zero,

    /// <summary>Most were given back by the guest.</summary>
    GivenBack,

    /// <summary>Most were write-protected, and written since; or poisoned.</summary>
    Written,

    /// <summary>Most were there before the guest ran.</summary>
    Before,
}
