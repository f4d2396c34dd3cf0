namespace UffdActors.Handling;

/// <summary>A call of a monitor's thread; it is also the message as which it comes back to the thread's actor.</summary>
internal interface IMonitorCall
{
    /// <summary>The request that it serves; null for the push.</summary>
    PageRequest? Request { get; }

    /// <summary>The call's errno, once it has ended.</summary>
    Errno Error { get; }

    /// <summary>Runs what is due, in a turn of the thread's actor.</summary>
    /// <returns>True if the call has ended in this very step, without having left.</returns>
    bool Advance();
}
