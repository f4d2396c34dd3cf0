namespace UffdActors;

/// <summary>What the watchdog does about a fault that is late.</summary>
public enum WatchdogPolicy
{
    /// <summary>One line on standard error.</summary>
    Report,

    /// <summary>
    /// The line, and the runtime's process is killed: a guest that hangs for ever is started again from its source elsewhere.
    /// </summary>
    Kill,
}
