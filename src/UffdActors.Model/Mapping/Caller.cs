using UffdActors.Model.Turns;

namespace UffdActors.Model.Mapping;

/// <summary>
/// A thread of a process: it touches memory and makes system calls, one at a time. A vCPU is one, a handler is one.
/// </summary>
internal sealed class Caller : Owner
{
    /// <summary>Makes a thread.</summary>
    /// <param name="mm">Its address space.</param>
    /// <param name="threadId">What a fault message reports if THREAD_ID is asked for.</param>
    /// <param name="rank">Priority where order is chosen by priority: lower goes first.</param>
    public Caller(AddressSpace mm, int threadId = 0, int rank = 0)
    {
        ArgumentNullException.ThrowIfNull(mm);
        Mm = mm;
        ThreadId = threadId;
        Rank = rank;
        Guard = mm.Guards.Add();
    }

    /// <summary>The address space that the thread runs in.</summary>
    public AddressSpace Mm { get; }

    /// <summary>Thread id.</summary>
    public int ThreadId { get; }

    /// <summary>The page that the thread is about to touch.</summary>
    internal Guard Guard { get; }

    /// <summary>The thread has ended: its guard is released. After its last turn.</summary>
    internal void Exit()
    {
        Guard.Release();
        Mm.Guards.Remove(Guard);
    }

    /// <inheritdoc />
    public override string ToString() => $"thread {ThreadId}";
}
