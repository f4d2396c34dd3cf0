namespace UffdActors.Cli.Torture;

/// <summary>What is done to the connections or processes of a migration while it runs.</summary>
internal enum Disruption
{
    /// <summary>Every connection is cut between two frames.</summary>
    Cut,

    /// <summary>Every connection is cut, one of them within a frame.</summary>
    CutInFrame,

    /// <summary>The source's process gets no CPU for longer than the peer's patience, and goes on.</summary>
    StopSource,

    /// <summary>The destination's does.</summary>
    StopDestination,

    /// <summary>The source's process is killed.</summary>
    KillSource,

    /// <summary>The destination's is.</summary>
    KillDestination,
}
