namespace UffdActors.Model.Turns;

/// <summary>
/// A call or an access on its way: the operation is the message. It consists of stages; each stage runs in a turn of one owner,
/// changes that owner's state only, and names the next owner.
/// </summary>
/// <remarks>
/// An operation starts and ends in turns of its origin. It belongs to the owner that runs its stage, and to none while it is being sent.
/// <para>
/// The runner's part is always the same: <c>operation.Step()</c>, and in turns of the origin then <see cref="TakeFinished"/>.
/// </para>
/// </remarks>
internal abstract class Operation
{
    private protected Operation(Owner origin)
    {
        Origin = origin;
        At = origin;
    }

    /// <summary>The owner in whose turns it starts and ends: the thread that makes the call.</summary>
    public Owner Origin { get; }

    /// <summary>The owner in whose turn the next stage runs.</summary>
    public Owner At { get; private set; }

    /// <summary>
    /// True once the result is set. Set in a turn of the origin; a fill that does not report success ends in a turn of its context.
    /// </summary>
    public bool IsFinished { get; private set; }

    /// <summary>
    /// In a turn of the origin, right after a step: true if the operation ended in that very step, without having left. (An operation that
    /// was sent on may be finished by another owner at any moment.)
    /// </summary>
    public bool EndedHere => IsFinished && ReferenceEquals(At, Origin);

    /// <summary>The operation that waits for this one, if it is a part of a larger call.</summary>
    internal Operation? Parent { get; init; }

    /// <summary>Runs the stage that is due. The caller of this method must be in a turn of <see cref="At"/>.</summary>
    public abstract void Step();

    /// <summary>After a step: the operation whose result has become known by it, or null.</summary>
    public Operation? TakeFinished()
    {
        Operation? operation = this;
        while (operation is { IsFinished: true, Parent: { } parent }) operation = parent;
        return operation is { IsFinished: true } ? operation : null;
    }

    /// <summary>Makes the operation ready for another use by the same origin.</summary>
    private protected void Restart()
    {
        IsFinished = false;
        At = Origin;
    }

    /// <summary>The next stage runs in a turn of <paramref name="owner"/>.</summary>
    private protected void GoTo(Owner owner)
    {
        At = owner;
        owner.Port.Send(this);
    }

    /// <summary>Names the owner without sending: the operation waits there until that owner's state lets it go on.</summary>
    internal void ParkAt(Owner owner) => At = owner;

    /// <summary>Sends a parked operation again, to the owner where it is parked.</summary>
    internal void Resume() => At.Port.Send(this);

    /// <summary>In a turn of the origin: the result is there.</summary>
    private protected void Complete()
    {
        IsFinished = true;
        Parent?.Step();
    }
}
