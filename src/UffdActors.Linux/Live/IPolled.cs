using UffdActors.Linux.Watching;

namespace UffdActors.Linux.Live;

/// <summary>Whom a fault loop tells that a descriptor can be read.</summary>
internal interface IPolled
{
    /// <summary>There is something to read. On the loop's thread, again and again until it has been read.</summary>
    void OnReadable();

    /// <summary>Where the loop beats while it polls the descriptor; null if nobody watches.</summary>
    BoardSlot? Slot => null;
}
