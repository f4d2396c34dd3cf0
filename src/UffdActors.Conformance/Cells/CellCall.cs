namespace UffdActors.Conformance.Cells;

/// <summary>What an operation is.</summary>
internal enum CellCall
{
#pragma warning disable CS1591 // The names are the documentation.
    Copy,
    ZeroPage,
    Continue,
    Poison,
    Protect,
    Unprotect,
    Move,
    Wake,
    Register,
    Unregister,
    Read,
    Write,
    DontNeed,
    Free,
    Remove,
    Punch,
    Truncate,
    Fork,
#pragma warning restore CS1591
}
