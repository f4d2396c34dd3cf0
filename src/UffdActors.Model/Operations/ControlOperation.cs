using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations;

/// <summary>
/// A call off the fault path, written as one method whose <c>yield return</c>s name the owner in whose turn the next part runs;
/// <c>null</c> means that the operation sleeps where it is until it is resumed.
/// </summary>
internal abstract class ControlOperation : Operation
{
    private IEnumerator<Owner?>? _stages;
    private bool _ended;

    private protected ControlOperation(Caller caller)
        : base(caller) => Caller = caller;

    /// <summary>The thread that makes the call.</summary>
    public Caller Caller { get; }

    /// <summary>The result; 0 is success.</summary>
    public Errno Error { get; private protected set; }

    /// <inheritdoc />
    public sealed override void Step()
    {
        if (_ended)
        {
            Complete();
            return;
        }

        _stages ??= Stages().GetEnumerator();
        if (_stages.MoveNext())
        {
            if (_stages.Current is { } owner) GoTo(owner);
            return;
        }

        _ended = true;
        _stages.Dispose();
        if (ReferenceEquals(At, Caller)) Complete();
        else GoTo(Caller);
    }

    /// <summary>The stages. Starts in a turn of the caller, and may end in any owner's.</summary>
    private protected abstract IEnumerable<Owner?> Stages();

    /// <summary>Ends in a turn of the address space, with its lock.</summary>
    internal IEnumerable<Owner?> Lock(AddressSpace mm)
    {
        yield return mm;
        if (!mm.TryLock(this)) yield return null;
    }

    /// <summary>
    /// Holds the owners of all VMAs that a range meets or touches (RING R3): when this ends, no fill or populate is in any of them, and
    /// none begins. Starts and ends in a turn of the address space.
    /// </summary>
    internal static IEnumerable<Owner?> Hold(AddressSpace mm, PageRange range, List<VmaOwner> held)
    {
        // There may be thousands.
        HashSet<VmaOwner> known = [.. held];
        // One page more on either side: a neighbour may become part of a changed VMA.
        foreach (Vma vma in mm.Map.In(new PageRange(range.Start - 1, range.End + 1)).ToArray())
        {
            if (!known.Add(vma.Owner)) continue;
            held.Add(vma.Owner);
            yield return vma.Owner;
            vma.Owner.IsHeld = true;
        }

        yield return mm;
    }

    /// <summary>Ends the Hold; stashed operations continue. Starts and ends in a turn of the address space.</summary>
    internal static IEnumerable<Owner?> Release(AddressSpace mm, List<VmaOwner> held)
    {
        foreach (VmaOwner owner in held)
        {
            yield return owner;
            // An owner that has lost its VMA may get no turn any more.
            owner.Settle();
            owner.Release();
        }

        held.Clear();
        yield return mm;
    }

    /// <summary>
    /// Waits until no guard holds a page of the range (RING R8). The check is repeated in later turns of the owner, so nothing blocks.
    /// </summary>
    private protected static IEnumerable<Owner?> AwaitGuards(AddressSpace mm, PageRange range)
    {
        Owner self = mm;
        while (mm.Guards.AnyIn(range)) yield return self;
    }

    /// <summary>
    /// RING R4: the epoch has been raised; passing once through every VMA makes sure that no fill which was decided before is still
    /// installing. Ends in a turn of the address space.
    /// </summary>
    private protected static IEnumerable<Owner?> Fence(AddressSpace mm)
    {
        foreach (VmaOwner owner in mm.OwnersToFence()) yield return owner;
        yield return mm;
    }

    /// <summary>Queues an event and sleeps until it has been read, or the context is released. Ends in a turn of the context.</summary>
    private protected static IEnumerable<Owner?> AwaitRead(UserfaultContext context, ContextEvent contextEvent)
    {
        yield return context;
        if (!context.IsReleased)
        {
            context.Enqueue(contextEvent);
            yield return null;
        }

        context.EndChange();
    }
}
