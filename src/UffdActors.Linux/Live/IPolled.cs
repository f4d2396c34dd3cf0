using UffdActors.Linux.Watching;

namespace UffdActors.Linux.Live;

/// <summary>What a fault loop calls when a descriptor can be read.</summary>
internal interface IPolled
{
    /// <summary>There is something to read. On the loop's thread, again and again until it has been read.</summary>
    void OnReadable();

    /// <summary>Where the loop beats while it polls the descriptor; null without a watchdog.</summary>
    BoardSlot? Slot => null;
}
