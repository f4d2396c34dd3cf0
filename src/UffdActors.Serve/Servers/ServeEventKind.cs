namespace UffdActors.Serve;

/// <summary>What an event of a server is about.</summary>
public enum ServeEventKind
{
    /// <summary>A guest is served from now on.</summary>
    Began,

    /// <summary>A session has ended.</summary>
    Ended,

    /// <summary>A hand-over was refused.</summary>
    Refused,

    /// <summary>Something has happened to a session (<see cref="SessionNote"/>).</summary>
    Note,
}
