using UffdActors.Model.Mapping;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// One request of design B. Which fields are valid depends on the kind, which no compiler checks: that was the objection to it.
/// </summary>
internal struct UserfaultRequest
{
    /// <summary>What is asked.</summary>
    public UserfaultRequestKind Kind { get; init; }

    /// <summary>FAULT_RESOLVE: the file.</summary>
    public MemoryFile? File { get; init; }

    /// <summary>FAULT_RESOLVE: page of the file.</summary>
    public long Index { get; init; }

    /// <summary>GET_SUPPORTED: the answer.</summary>
    public RegisterModes Modes { get; set; }

    /// <summary>FAULT_RESOLVE: the answer.</summary>
    public uint Folio { get; set; }
}
