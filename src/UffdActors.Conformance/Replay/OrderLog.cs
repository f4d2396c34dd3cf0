using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Forwards a policy's choices, and records the order of the threads' last turns and whether there was a choice at all.
/// </summary>
internal sealed class OrderLog(ISteppedPolicy inner) : ISteppedPolicy
{
    private readonly List<int> _threads = [];
    private readonly List<int> _turns = [];

    /// <summary>
    /// Choices between several operations whose next step is due; the order in which actors start or stop does not count.
    /// </summary>
    public long Decisions { get; private set; }

    /// <summary>The threads that had a turn since <see cref="Clear"/>, ordered by their last turn.</summary>
    public IReadOnlyList<int> Threads => _threads;

    /// <summary>The thread of each turn since <see cref="Clear"/>.</summary>
    public IReadOnlyList<int> Turns => _turns;

    /// <summary>Clears the order.</summary>
    public void Clear()
    {
        _threads.Clear();
        _turns.Clear();
    }

    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        if (ready.Count > 1 && ready.Count(t => t.Message is Operation) > 1) Decisions++;
        int chosen = inner.Choose(ready);
        if (ready[chosen].Message is Operation { Origin: Caller thread })
        {
            _ = _threads.Remove(thread.ThreadId);
            _threads.Add(thread.ThreadId);
            _turns.Add(thread.ThreadId);
        }

        return chosen;
    }
}
