using UffdActors.Conformance.Programs;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Replays a trace in a model whose messages come in any order. All fields are compared: a step that wakes several threads must show what
/// the sequential kernel shows when the threads have their turns in the same order; and as long as no step has done so, exactly what was
/// recorded.
/// </summary>
/// <remarks>
/// The order of threads that one step wakes can affect: the order of their new messages in the queue, and so what a later short read
/// returns, which of them a signal finds unread, and so on; which of two is first at a byte or page that both use; and the result of a
/// fault that was half-way when another one was handled. A thread with several operations under way at once (a close that ends with
/// a sleeping call) has turns that its number does not distinguish; there any order of whole threads is accepted, for up to four of them.
/// </remarks>
internal sealed class AnyOrderReplay : IDisposable
{
    private const int MaxPermuted = 4;

    private readonly Trace _trace;
    private readonly KernelProfile _profile;
    private readonly ModelExecutor _model;
    private readonly OrderLog _log;
    private readonly List<(ProgramStep Step, int[] Order)> _history = [];
    private readonly Dictionary<int, Queue<int>> _ranks = [];
    private ModelExecutor _reference;

    /// <summary>Makes the replay.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="profile">Kernel of the reference.</param>
    /// <param name="model">A new model, whose kernel asks <paramref name="log"/>; the caller disposes of it.</param>
    /// <param name="log">The model's policy.</param>
    public AnyOrderReplay(Trace trace, KernelProfile profile, ModelExecutor model, OrderLog log)
    {
        ArgumentNullException.ThrowIfNull(trace);
        _trace = trace;
        _profile = profile;
        _model = model;
        _log = log;
        _reference = NewReference();
    }

    /// <summary>Steps that wake several threads.</summary>
    public int Races { get; private set; }

    /// <summary>Replays the trace.</summary>
    /// <param name="differ">Compares, and counts.</param>
    /// <param name="invariants">Checked after every step; null for none.</param>
    public void Run(Differ differ, KernelInvariants? invariants = null)
    {
        ArgumentNullException.ThrowIfNull(differ);
        for (int i = 0; i < _trace.Steps.Count; i++)
        {
            TraceStep recorded = _trace.Steps[i];
            ProgramStep step = recorded.Step;
            bool can = _model.CanExecute(step);
            if (Races == 0 && !can) throw TraceReplay.CannotExecute(_trace, i);

            // In another order a thread may still be busy that was recorded as free; the step is then skipped on both sides.
            if (can != _reference.CanExecute(step))
            {
                differ.Report(step.Index, "step", can ? "not possible" : "possible", can ? "possible" : "not possible");
                return;
            }

            if (!can && step.Op != ProgramOp.Final) continue;
            _log.Clear();
            Observation actual = _model.Execute(step);
            invariants?.Check(step, _model, differ);
            int[] threads = [.. _log.Threads.Where(thread => thread != 0)];
            // The end is read page by page and wakes no thread.
            if (threads.Length > 1 && step.Op != ProgramOp.Final) Races++;
            int[] order = [.. _log.Turns];
            Observation expected = Execute(_reference, step, order);
            if (threads.Length > 1 && !Same(step, expected, actual) && Other(step, threads, actual) is { } other) (expected, order) = other;
            _history.Add((step, order));
            int before = differ.Mismatches.Count;
            differ.Compare(step.Index, Races == 0 ? recorded.Expected : expected, actual);
            if (differ.Mismatches.Count > before) return;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _reference.Dispose();

    private (Observation Shown, int[] Order)? Other(ProgramStep step, int[] threads, Observation actual)
    {
        if (threads.Length > MaxPermuted) return null;
        foreach (int[] candidate in Permutations(threads, 0))
        {
            ModelExecutor again = NewReference();
            foreach ((ProgramStep past, int[] pastOrder) in _history) _ = Execute(again, past, pastOrder);
            Observation shown = Execute(again, step, candidate);
            if (!Same(step, shown, actual))
            {
                again.Dispose();
                continue;
            }

            _reference.Dispose();
            _reference = again;
            return (shown, candidate);
        }

        return null;
    }

    // A rank is computed whenever an operation is sent. An order has a thread once for each of its turns, or once for all of them.
    private ModelExecutor NewReference() => new(
        _trace.Header,
        _profile,
        _ => new SequentialKernel(origin =>
            !_ranks.TryGetValue(((Caller)origin).ThreadId, out Queue<int>? ranks) ? origin.Rank
            : ranks.Count > 1 ? ranks.Dequeue() : ranks.Peek()));

    private Observation Execute(ModelExecutor model, ProgramStep step, int[] order)
    {
        _ranks.Clear();
        // Before all threads that have not had a turn, after the main thread.
        for (int i = 0; i < order.Length; i++)
        {
            if (!_ranks.TryGetValue(order[i], out Queue<int>? ranks)) _ranks.Add(order[i], ranks = new Queue<int>());
            ranks.Enqueue(i + 1);
        }

        return model.Execute(step);
    }

    private static bool Same(ProgramStep step, Observation expected, Observation actual)
    {
        Differ differ = new("");
        differ.Compare(step.Index, expected, actual);
        return differ.Mismatches.Count == 0;
    }

    private static IEnumerable<int[]> Permutations(int[] threads, int from)
    {
        if (from == threads.Length - 1)
        {
            yield return [.. threads];
            yield break;
        }

        int[] items = [.. threads];
        for (int i = from; i < items.Length; i++)
        {
            (items[from], items[i]) = (items[i], items[from]);
            foreach (int[] rest in Permutations(items, from + 1)) yield return rest;
            (items[from], items[i]) = (items[i], items[from]);
        }
    }
}
