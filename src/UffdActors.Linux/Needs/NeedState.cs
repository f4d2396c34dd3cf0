namespace UffdActors.Linux.Needs;

/// <summary>Whether something is there for this process.</summary>
internal enum NeedState
{
    /// <summary>It is there.</summary>
    Met,

    /// <summary>The machine has it, and this process may not use it.</summary>
    Denied,

    /// <summary>The machine does not have it.</summary>
    Absent,

    /// <summary>It could not be asked.</summary>
    Unknown,
}
