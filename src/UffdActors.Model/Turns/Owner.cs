namespace UffdActors.Model.Turns;

/// <summary>
/// An object whose state only its own turns may change: a thread, a VMA, a context, a backend, an address space.
/// In the actor runtime each is an actor; in the sequential kernel all share one loop.
/// </summary>
internal abstract class Owner
{
    /// <summary>How operations reach this owner. Set when the owner is attached, before anything is sent to it.</summary>
    public Port Port { get; private set; } = Port.Detached;

    /// <summary>Priority of the operations that start here, where order is chosen by priority: lower goes first.</summary>
    public int Rank { get; private protected init; }

    /// <summary>Gives the owner its port.</summary>
    public void Attach(Port port)
    {
        ArgumentNullException.ThrowIfNull(port);
        Port = port;
    }

    /// <summary>Attaches an owner that is made in a turn of this one; in the actor runtime it becomes a child.</summary>
    internal void Spawn(Owner child) => child.Attach(Port.Spawn(child));
}
