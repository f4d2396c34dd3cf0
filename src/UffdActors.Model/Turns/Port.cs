namespace UffdActors.Model.Turns;

/// <summary>The way to an owner. The sequential kernel and the actor runtime differ in nothing else.</summary>
internal abstract class Port
{
    internal static Port Detached { get; } = new DetachedPort();

    /// <summary>
    /// True if looking at published state and acting on it are separate turns, so that exploration can schedule another turn between them;
    /// on real threads that happens by itself.
    /// </summary>
    public virtual bool SplitsTurns => false;

    /// <summary>Hands the operation over; its next stage runs in a later turn of this port's owner.</summary>
    public abstract void Send(Operation operation);

    /// <summary>
    /// Hands over an operation whose next stage belongs to the same turn of the owner: nothing else reaches the owner in between. Only
    /// where <see cref="SplitsTurns"/>.
    /// </summary>
    internal virtual void SendNext(Operation operation) => Send(operation);

    /// <summary>Makes a port for an owner that comes to life in a turn of this port's owner.</summary>
    public abstract Port Spawn(Owner child);

    private sealed class DetachedPort : Port
    {
        public override void Send(Operation operation) =>
            throw new InvalidOperationException($"{operation} was sent to {operation.At}, which is not attached.");

        public override Port Spawn(Owner child) =>
            throw new InvalidOperationException($"An owner that is not attached cannot make {child}.");
    }
}
