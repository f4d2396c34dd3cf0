namespace UffdActors.Conformance.Programs;

/// <summary>How an argument is written.</summary>
internal enum ArgumentForm
{
    /// <summary>A 64-bit word as a string of hex digits.</summary>
    Hex,

    /// <summary>A JSON integer.</summary>
    Integer,

    /// <summary>A word.</summary>
    Text,
}
