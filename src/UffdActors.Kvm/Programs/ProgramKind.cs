namespace UffdActors.Kvm.Programs;

/// <summary>
/// What a guest program does with its share of the pages: it touches one word of each, and no pages of another vCPU.
/// </summary>
internal enum ProgramKind
{
    /// <summary>Reads, in order.</summary>
    Walk,

    /// <summary>Reads, in an order that visits every page once and looks random.</summary>
    Random,

    /// <summary>Reads each page and writes the checksum so far into it, in order; the next round reads what this one has written.</summary>
    Write,

    /// <summary>The same in the random order.</summary>
    Scatter,

    /// <summary>Reads, and for every page all vCPUs add one to the same word, locked.</summary>
    Counter,

    /// <summary>Reads, in order, and writes the checksum so far into every twentieth page.</summary>
    Mark,

    /// <summary>Writes, and gives every eighth page back (a hypercall by port); the next round finds zeros there.</summary>
    Balloon,
}
