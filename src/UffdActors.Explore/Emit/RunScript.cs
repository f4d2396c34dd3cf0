using UffdActors.Actors;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Emit;

/// <summary>
/// Watches a run, and records its user-space calls in an order of whole calls: a call stands where it took effect, one that can sleep where
/// it began. Runs whose calls interleaved more finely than any such order are refused.
/// </summary>
internal sealed class RunScript(Scenario scenario) : IRunObserver, IDisposable
{
    private const int FirstThread = 2;
    private const int FirstMonitor = 100;
    private const int OrdersPerStep = 16;
    private const int ReadOrder = 8;

    private readonly List<ScriptCall> _calls = [];
    private readonly Dictionary<Operation, (ScriptCall Call, bool IsPlaced)> _open = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Operation> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly int[] _next = new int[scenario.Threads.Length];
    private readonly NativeBuffer _word = new(sizeof(ulong));
    private VmaMap? _map;
    private bool _mapHasChanged;
    private int _step;

    /// <summary>Why the run cannot be repeated; null if it can.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>What user space did, in the order in which it has to be done.</summary>
    public IReadOnlyList<ScriptCall> InOrder()
    {
        foreach (ScriptCall call in _open.Values.Where(o => !o.IsPlaced).Select(o => o.Call).ToArray()) Place(call);
        OrderAccesses();
        OrderRefusals();
        CheckClosed();
        CheckThreads();
        return [.. _calls.OrderBy(c => c.Order)];
    }

    /// <inheritdoc />
    public void Dispose() => _word.Dispose();

    /// <inheritdoc />
    public void Stepped(int step, string actor, object? message, string text, string changes)
    {
        // The passing of virtual time is no step.
        _step++;
        LookAtMap(message);
        switch (message)
        {
            case VmProtocol.HandlerCrashed:
                Obstacle ??= "a handler crashes in it, which the kernel knows nothing of";
                break;
            case PageRequest { Phase: RequestPhase.Dismissed } request when IsServed(actor):
                Place(new ScriptCall(CallKind.Wake)
                {
                    First = _step,
                    Context = Array.FindIndex([.. scenario.Contexts], c => c.Name == actor),
                    Address = request.Address,
                    Length = PageSize.Base,
                });
                break;
            case Operation { Parent: null } operation:
                OnOperation(operation, changes.Length > 0 || IsRaised(operation, actor));
                break;
        }

        if (message is Access fault && _open.TryGetValue(fault, out (ScriptCall Call, bool IsPlaced) queued)
            && scenario.Contexts.Any(c => c.Name == actor)) queued.Call.Faulted = true;
        foreach ((Operation operation, (ScriptCall Call, bool IsPlaced) entry) in _open.ToArray())
        {
            if (operation.IsFinished) Close(operation, entry.Call, entry.IsPlaced);
            else if (operation is Fill fill && IsOf(entry.Call, fill)) (entry.Call.Stopped, entry.Call.Done) = (fill.Stopped, fill.Done);
        }

        // The reader of a served context reads in each of the context's turns.
        if (IsServed(actor))
            Place(new ScriptCall(CallKind.Read) { Context = Array.FindIndex([.. scenario.Contexts], c => c.Name == actor) }, ReadOrder);
    }

    // A handler reuses a fill in the turn in which it ends, to retry the page by another call.
    private static bool IsOf(ScriptCall call, Fill fill) =>
        call.Kind != CallKind.Fill
            || (call.Fill == fill.Kind && call.Address == fill.Start && call.Length == fill.Length && call.Modes == fill.Modes);

    private void CloseUsedAgain(Fill fill, ScriptCall call, bool isPlaced)
    {
        if (!isPlaced) Place(fill, call);
        _ = _open.Remove(fill);
        call.Last = _step;
        call.HasEnded = true;
        call.Error = call.Done == (long)call.Length ? Errno.None : call.Done > 0 ? Errno.EAGAIN : call.Stopped;
        call.Out = call.Done > 0 ? call.Done : -(long)call.Stopped;
    }

    private void OnOperation(Operation operation, bool takesEffect)
    {
        if (operation is Fill again && _open.TryGetValue(again, out (ScriptCall Call, bool IsPlaced) before) && !IsOf(before.Call, again))
            CloseUsedAgain(again, before.Call, before.IsPlaced);
        if (_open.TryGetValue(operation, out (ScriptCall Call, bool IsPlaced) entry))
        {
            if (takesEffect && !entry.IsPlaced) Place(operation, entry.Call);
            return;
        }

        int id = ((Caller)operation.Origin).ThreadId;
        if (id >= FirstMonitor || (operation is Fill && id < FirstThread)) OnMonitor(operation, takesEffect);
        else if (id >= FirstThread && _seen.Add(operation)) OnAction(operation, id - FirstThread, takesEffect);
    }

    private void OnAction(Operation operation, int thread, bool takesEffect)
    {
        ScriptCall call = new(CallKind.Action) { First = _step, Thread = thread, Action = _next[thread]++ };
        _open[operation] = (call, false);
        if (takesEffect || operation is Access || ActionOf(call).Kind == ActionKind.CopyFrom) Place(operation, call);
    }

    private void OnMonitor(Operation operation, bool takesEffect)
    {
        ScriptCall? call = operation switch
        {
            // A reused fill: if it is unfinished it is under way; if it is finished and was not seen before, it has ended at once.
            Fill fill => new ScriptCall(CallKind.Fill)
            {
                First = _step,
                Context = fill.Context.Number,
                Address = fill.Start,
                Length = fill.Length,
                Fill = fill.Kind,
                Content = ContentOf(fill.Source),
                Modes = fill.Modes,
            },
            WriteProtect { On.Number: var context } and IMonitorCall { Request: { } request } =>
                new ScriptCall(CallKind.ClearProtection)
                {
                    First = _step,
                    Context = context,
                    Address = request.Address,
                    Length = PageSize.Base,
                },
            Access access => new ScriptCall(CallKind.PopulateAlias) { First = _step, Address = access.Address, Length = PageSize.Base },
            _ => null,
        };
        if (call is null || (operation is not Fill && !_seen.Add(operation))) return;
        _open[operation] = (call, false);
        if (takesEffect) Place(operation, call);
    }

    private void Place(Operation operation, ScriptCall call)
    {
        Place(call);
        _open[operation] = (call, true);
        if (operation is not Fill fill) return;
        // A fill of several pages installs page by page, and other fills may come in between.
        foreach ((Operation other, (ScriptCall Call, bool IsPlaced) entry) in _open)
        {
            if (ReferenceEquals(other, operation) || !entry.IsPlaced || other is not Fill wide || wide.Start >= fill.Start + fill.Length
                || fill.Start >= wide.Start + wide.Length) continue;
            if (wide.Length > PageSize.Base || fill.Length > PageSize.Base)
                Obstacle ??= $"a fill of several pages meets another one in the middle of its range, which no order of calls gives";
        }
    }

    private void Place(ScriptCall call, int within = 0)
    {
        call.Order = ((long)_step * OrdersPerStep) + within;
        _calls.Add(call);
    }

    private void Close(Operation operation, ScriptCall call, bool isPlaced)
    {
        if (!isPlaced) Place(operation, call);
        _ = _open.Remove(operation);
        call.Last = _step;
        call.HasEnded = true;
        call.Error = ThreadScript.ErrorOf(operation) ?? Errno.None;
        if (operation is Fill fill) call.Out = fill.Out;
        if (operation is Fill && call.Error is not (Errno.None or Errno.EAGAIN or Errno.EEXIST) && _open.Keys.Any(o => o is Unregister))
            Obstacle ??= $"a fill is refused with {call.Error} in the middle of an UNREGISTER, which no order of whole calls gives";
        // The kernel's fill waits for the lock of the address space.
        if (operation is Fill { Error: Errno.ENOENT } gone && gone.Context.Mm.Map.Find(PageSize.PageOf(gone.Start)) is null
            && _open.Any(o => o.Key is RemapMemory && MovesTo(o.Value.Call, gone.Start)))
        {
            Obstacle ??= "a fill is refused with ENOENT in the middle of an mremap, where the old mapping has gone and the new one is "
                + "still to come, which no order of whole calls gives";
        }

        if (call.Error == Errno.EIO) Obstacle ??= "a memory module fails in it";
        // For madvise, ENOMEM means that a part of the range is not mapped.
        if (call.Error == Errno.ENOMEM && operation is Fill) Obstacle ??= "it runs out of physical memory";
        if (operation is not Access access) return;
        call.Outcome = access.Outcome;
        call.Value = access.Value;
        if (access.Outcome == AccessOutcome.OutOfMemory) Obstacle ??= "it runs out of physical memory";
    }

    /// <summary>
    /// Of two accesses that wait for a page at the same time, the one that ended later is started after the end of the other, since a wake
    /// wakes both.
    /// </summary>
    private void OrderAccesses()
    {
        ScriptCall[] accesses = [.. _calls.Where(IsAccess)];
        foreach (ScriptCall later in accesses.OrderBy(a => a.Last))
        {
            foreach (ScriptCall earlier in accesses)
            {
                if (earlier.Thread == later.Thread || !IsSamePage(earlier, later) || earlier.Last >= later.Last
                    || earlier.Last < later.First) continue;
                // An access that did not wait ends as soon as it has begun.
                long over = earlier.Faulted ? ((long)earlier.Last * OrdersPerStep) + OrdersPerStep - 1 : earlier.Order + 1;
                later.Order = Math.Max(later.Order, over);
            }
        }
    }

    /// <summary>Places a call that got EAGAIN for an unread event between the event and its read.</summary>
    private void OrderRefusals()
    {
        foreach (ScriptCall refused in _calls.Where(
            c => c.Error == Errno.EAGAIN && c.Out is null or < 0 && c.Kind != CallKind.Read && !IsAccess(c)))
        {
            ScriptCall? raising = _calls.Where(c => c.Kind == CallKind.Action && Raises(ActionOf(c).Kind) && c.First <= refused.Last)
                .MaxBy(c => c.First);
            if (raising is null) continue;
            ScriptCall? read = _calls.Where(c => c.Kind == CallKind.Read && c.Order > raising.Order).MinBy(c => c.Order);
            refused.Order = read is not null ? read.Order - 1 : Math.Max(refused.Order, raising.Order + 1);
        }
    }

    private void CheckClosed()
    {
        foreach (ScriptCall close in _calls.Where(c => c.Kind == CallKind.Action && ActionOf(c).Kind == ActionKind.Close))
        {
            int context = ActionOf(close).Context;
            if (_calls.Any(
                c => c != close && c.Order >= close.Order
                    && (c.Kind == CallKind.Action
                        ? ThreadAction.HasContext(ActionOf(c).Kind) && ActionOf(c).Context == context
                        : c.Kind != CallKind.Read && c.Context == context)))
                Obstacle ??= $"a call on {scenario.Contexts[context].Name} is under way while it is closed";
        }
    }

    private void CheckThreads()
    {
        foreach (IGrouping<int, ScriptCall> thread in _calls.Where(c => c.Kind == CallKind.Action).GroupBy(c => c.Thread))
        {
            ScriptCall[] actions = [.. thread.OrderBy(c => c.Action)];
            for (int i = 1; i < actions.Length; i++)
            {
                if (actions[i].Order <= actions[i - 1].Order)
                    Obstacle ??= "its calls have interleaved more finely than any order of whole calls";
            }
        }
    }

    private bool MovesTo(ScriptCall call, ulong address)
    {
        (int region, int page) = RegionLayout.PlaceOf(address);
        return ActionOf(call) is var action && action.OtherRegion == region
            && page >= action.OtherPage && page < action.OtherPage + action.Count;
    }

    private ThreadAction ActionOf(ScriptCall call) => scenario.Threads[call.Thread].Actions[call.Action];

    private bool IsAccess(ScriptCall call) => call.Kind == CallKind.Action && ActionOf(call).Kind is ActionKind.Read or ActionKind.Write;

    private bool IsSamePage(ScriptCall one, ScriptCall other) =>
        ActionOf(one) is var a && ActionOf(other) is var b && a.Region == b.Region && a.Page == b.Page
            && (a.Kind == ActionKind.Write || b.Kind == ActionKind.Write);

    private void LookAtMap(object? message)
    {
        _mapHasChanged = false;
        if (message is not Operation { Origin: Caller thread }) return;
        VmaMap? before = _map;
        _map = thread.Mm.Map;
        _mapHasChanged = before is not null && !ReferenceEquals(before, _map);
    }

    // The map has changed, or the call sleeps from here on until its event has been read, or a userfaultfd ends.
    private bool IsRaised(Operation operation, string actor) => operation switch
    {
        Register or Unregister => _mapHasChanged,
        MapCall call => _mapHasChanged
            || (operation is AdviseMemory or ForkProcess && (call.IsWaitingForReader || scenario.Contexts.Any(c => c.Name == actor))),
        _ => operation is CloseHandle && scenario.Contexts.Any(c => c.Name == actor),
    };

    private ulong ContentOf(FillSource source)
    {
        if (source.Kind != FillSourceKind.Buffer) return 0;
        _word.CopyFrom(0, (nint)source.Word, sizeof(ulong));
        return _word.ReadWord(0);
    }

    private bool IsServed(string actor) => scenario.Contexts.Any(c => c.Handlers > 0 && c.Name == actor);

    private bool Raises(ActionKind kind)
    {
        UffdFeatures features = kind switch
        {
            ActionKind.DontNeed or ActionKind.Remove => UffdFeatures.EventRemove,
            ActionKind.Munmap => UffdFeatures.EventUnmap,
            ActionKind.Mremap => UffdFeatures.EventRemap | UffdFeatures.EventUnmap,
            ActionKind.Fork => UffdFeatures.EventFork,
            _ => UffdFeatures.None,
        };
        return scenario.Contexts.Any(c => (c.Features & features) != 0);
    }
}
