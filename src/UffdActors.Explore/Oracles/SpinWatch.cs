using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Nothing spins (RING P1, P4): a fill that is issued again and again and always refused in the same way, or a thread that
/// faults again and again on one page, without progress. Progress is a page that changes, an event that is queued or read, a call that
/// ends, an injected fault, and time that passes: waiting for a time-out is no spinning.
/// </summary>
internal sealed class SpinWatch(RunRecord record)
{
    private const string Invariant = "no-spin";

    // The shipped code gets EEXIST twice on a page that is not there before it waits. Fills of different requests are counted apart: those
    // of crashed handlers are repeated one after the other.
    private const int MostRefusals = 3;
    private const int MostFaults = 5;

    private readonly Dictionary<(IPageFill Call, FillKind Kind, ulong Page, Errno Error), int> _refusals = [];
    private readonly Dictionary<(ulong Page, int Thread), int> _faults = [];
    private readonly int[] _unread = new int[record.Scene.Contexts.Length];
    private IPageFill? _fill;
    private Access? _fault;
    private Errno _stopped;
    private long _happened;

    /// <summary>A message is about to be handled.</summary>
    public void Before(object? message)
    {
        _fill = message as IPageFill;
        _fault = message is Access { At: UserfaultContext } access ? access : null;
        _stopped = (_fill as Fill)?.Stopped ?? Errno.None;
        for (int i = 0; i < _unread.Length; i++) _unread[i] = record.Scene.Contexts[i].UnreadEvents;
    }

    /// <summary>The message has been handled.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="happened">Grows with everything else that counts as progress.</param>
    public void After(int step, long happened)
    {
        bool progress = happened != _happened;
        _happened = happened;
        for (int i = 0; i < _unread.Length; i++) progress |= record.Scene.Contexts[i].UnreadEvents != _unread[i];
        if (progress) Clear();
        if (_fill is Fill fill && _stopped == Errno.None && fill.Stopped is var error and not Errno.None && fill.Done == 0)
        {
            int times = _refusals[(_fill, fill.Kind, fill.Start, error)] =
                _refusals.GetValueOrDefault((_fill, fill.Kind, fill.Start, error)) + 1;
            if (times > MostRefusals)
                record.Fail(
                    Invariant,
                    $"{fill.Kind} of {record.Scene.NameOf(fill.Start)} got {error} {times} times in a row, and nothing has happened in "
                        + $"between", step);
        }

        // The thread sleeps now, or its fault was read and woken in the same turn.
        if (_fault is { } fault)
        {
            ulong page = fault.Address & ~(ulong)(record.Scene.Layout.PageBytes - 1);
            int times = _faults[(page, fault.Caller.ThreadId)] = _faults.GetValueOrDefault((page, fault.Caller.ThreadId)) + 1;
            if (times > MostFaults)
                record.Fail(
                    Invariant,
                    $"{fault.Caller} has faulted {times} times in a row on {record.Scene.NameOf(page)}, and nothing has happened in "
                        + $"between", step);
        }
    }

    /// <summary>Time has passed.</summary>
    public void Clear()
    {
        if (_refusals.Count > 0) _refusals.Clear();
        if (_faults.Count > 0) _faults.Clear();
    }
}
