namespace UffdActors.Statistics;

/// <summary>A VM as its meter sees it; every member may be asked by any thread.</summary>
internal interface IMeteredVm
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Pages that are being resolved.</summary>
    long Outstanding { get; }

    /// <summary>Pages that background pushes have filled with content, and with zeros.</summary>
    (long Bytes, long Zeros) PushedPages { get; }

    /// <summary>Bytes of content that background pushes have filled.</summary>
    long PushedBytes { get; }

    /// <summary>The counts of each userfaultfd.</summary>
    IEnumerable<FaultCounts> Counts();
}
