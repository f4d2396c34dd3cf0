using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Passes a policy's choices on and remembers in which order threads got their last turn, and whether there was anything to choose at all.
/// </summary>
internal sealed class OrderLog(ISteppedPolicy inner) : ISteppedPolicy
{
    private readonly List<int> _threads = [];
    private readonly List<int> _turns = [];

    /// <summary>
    /// Choices between several operations that could take their next step; in which order actors start or stop decides nothing.
    /// </summary>
    public long Decisions { get; private set; }

    /// <summary>The threads that had a turn since <see cref="Clear"/>, the one whose last turn was first at the front.</summary>
    public IReadOnlyList<int> Threads => _threads;

    /// <summary>Whose turn it was since <see cref="Clear"/>, turn by turn.</summary>
    public IReadOnlyList<int> Turns => _turns;

    /// <summary>Forgets the order.</summary>
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
