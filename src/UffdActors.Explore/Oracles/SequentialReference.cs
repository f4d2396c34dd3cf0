using System.Runtime.InteropServices;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// The sequential kernel as the reference of a run. A second scene of the shipped parts, without actors, handlers and sleep, is advanced
/// with every step of the run, and afterwards its page states, change epochs and unread events must be those of the run:
/// <list type="bullet">
/// <item>a fill is one atomic call: the pages that a turn has filled are filled by one call in the turn in which they were written; the
/// errno that stopped it is the errno of one call in the turn in which that was decided;</item>
/// <item>an access decides and touches in the same turns as the run's, under its guard, and must have the same result;</item>
/// <item>every other call takes its turns with the run's, and ends with the same errno in the same turn.</item>
/// </list>
/// </summary>
/// <remarks>
/// So a run is equivalent to one in which fills are atomic and happen in the order of their deciding turns, however they were split,
/// delayed or stopped half-way. Three results are not required to be equal: EAGAIN of a fill is right whenever something was changing, or
/// has begun to change since the fill was decided; ENOMEM and EIO are not compared, since memory and a module's bugs are the run's own; nor
/// is EFAULT of a COPY from memory of the process itself. The bytes that such a COPY has read, or that were written through an alias, are
/// taken from the run (its page history checks them); all others are compared at the end, and every load when it is made.
/// Sleeping and waking are checked by other oracles.
/// </remarks>
internal sealed class SequentialReference
{
    private const string Invariant = "sequential";

    private readonly RunHost _host;
    private readonly RunScene _scene;
    private readonly RunRecord _record;
    private readonly SequentialKernel _kernel = new(splitsTurns: true);
    private readonly RunScene _twin;
    private readonly Dictionary<Operation, Operation> _twins = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Access> _looked = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Caller, Caller> _callers = new(ReferenceEqualityComparer.Instance);
    private readonly List<AddressSpace> _children = [];
    private readonly List<(ulong Address, nint Bytes, int Length)> _written = [];
    private readonly List<(Access Access, Access Twin)> _begun = [];
    private bool _isOff;
    private Operation? _message;
    private Owner? _at;
    private Fill? _fill;
    private long _done;
    private Errno _stopped;
    private bool _wasFinished;

    public SequentialReference(RunRecord record)
    {
        RunHost host = record.Host;
        RunScene scene = record.Scene;
        _host = host;
        _scene = scene;
        _record = record;
        _twin = new RunScene(host, host.ReferenceMachine, RunParts.Shipped, RunModules.Shipped, _kernel);
        _callers.Add(scene.Main, _twin.Main);
        for (int i = 0; i < scene.Threads.Length; i++) _callers.Add(scene.Threads[i], _twin.Threads[i]);
    }

    private Scenario Scenario => _host.Scenario;

    /// <summary>
    /// True for scenarios whose runs can be compared: one call that sleeps on its source keeps a context open that the reference closes;
    /// and the reference does not have threads that end in the middle of a call, threads of children, or a hook that refuses a call.
    /// </summary>
    public static bool Covers(Scenario scenario) =>
        !(scenario.Has(ActionKind.CopyFrom) && scenario.Has(ActionKind.Close)) && !scenario.Has(ActionKind.Exit)
            && !scenario.Has(ActionKind.ReadChild)
        && !scenario.Faults.Contains(FaultPoint.HookThrow);

    /// <summary>Makes the calls of the set-up.</summary>
    public void SetUp()
    {
        foreach (ThreadAction action in Scenario.Setup)
            _ = _twin.Do(ThreadScript.Begin(RunParts.Shipped, _host.Content, _twin, _twin.Main, action, PageContent.OfWrite(0xFF, 0)));
    }

    /// <summary>A thread begins an action.</summary>
    public void Begin(int thread, ThreadAction action, Operation operation, ulong value)
    {
        if (_isOff || operation is Fill or ReadMessages or Wake or Peek) return;
        Operation twin = ThreadScript.Begin(RunParts.Shipped, _host.Content, _twin, _twin.Threads[thread], action, value);
        _twins[operation] = twin;
        _kernel.Submit(twin);
    }

    /// <summary>A handler makes a call whose first turn is part of the handler's own turn: that turn sees the current state.</summary>
    public void Begin(IMonitorCall call)
    {
        if (_isOff || call.Request is not { } request) return;
        switch (call)
        {
            case Access access:
                Access look = new(CallerOf(access.Caller));
                _twins.Add(access, look);
                // After the access that ends in this turn: a thread has one guard, and an access releases it at its end.
                _begun.Add((access, look));
                break;
            case WriteProtect clearing:
                UserfaultContext context = _twin.Contexts[Array.IndexOf(_scene.Contexts, clearing.On)];
                WriteProtect clear = new DecidedClear(CallerOf(clearing.Caller), context, clearing, request);
                _twins.Add(clearing, clear);
                clear.Step();
                break;
        }
    }

    /// <summary>
    /// A handler or a push has written through an alias, after the turn's other changes: the reference gets the same bytes at the end of
    /// the turn.
    /// </summary>
    public void AliasWritten(ulong address, nint bytes, int length) => _written.Add((address, bytes, length));

    private void TakeWritten()
    {
        foreach ((ulong address, nint bytes, int length) in _written)
        {
            // Written where the alias is mapped: the page may be out of the file already, and still be mapped for a moment.
            if (_twin.Mm.EntryAt(PageSize.PageOf(address)) is not { IsPresent: true } entry) continue;
            _host.ReferenceFolios.CopyIn(entry.Folio, 0, bytes, length);
        }

        _written.Clear();
    }

    /// <summary>Something has begun and ended to change in a context, without an event.</summary>
    public void ChangeBurst(int context)
    {
        _twin.Contexts[context].BeginChange();
        _twin.Contexts[context].EndChange();
    }

    /// <summary>A message is about to be handled.</summary>
    public void Before(object? message)
    {
        _message = message is VmProtocol.Call call ? call.Operation : message as Operation;
        _at = _message?.At;
        _fill = _message as Fill ?? (_message as Access)?.Parent as Fill;
        if (_fill is null) return;
        _done = _fill.Done;
        _stopped = _fill.Stopped;
        _wasFinished = _fill.IsFinished;
    }

    /// <summary>The message has been handled.</summary>
    public void After(int step)
    {
        if (_isOff || _record.Violation is not null) return;
        PrepareAlike();
        switch (_message)
        {
            case Access access:
                OnAccess(access, step);
                break;
            case ControlOperation call and not (ReadMessages or Wake or Peek or OwnerCrash):
                OnCall(call, step);
                break;
        }

        if (_fill is { } fill && !_isOff && _record.Violation is null) OnFill(fill, step);
        if (_isOff || _record.Violation is not null) return;
        foreach ((Access access, Access twin) in _begun) Look(access, twin);
        _begun.Clear();
        if (_written.Count > 0) TakeWritten();
        ReadEvents(step);
        ComparePages(step);
    }

    /// <summary>Nothing is runnable: the bytes must be the same too.</summary>
    public void AtRest(int step)
    {
        if (_isOff || _record.Violation is not null) return;
        Span<ulong> have = stackalloc ulong[PageSize.Base / sizeof(ulong)];
        Span<ulong> want = stackalloc ulong[PageSize.Base / sizeof(ulong)];
        for (int i = 0; i < _scene.PageCount; i++)
        {
            Entry ours = _scene.EntryOf(i);
            Entry theirs = _twin.EntryOf(i);
            if (!ours.IsPresent || ours.Kind == EntryKind.Zero) continue;
            for (int at = 0; at < _host.Layout.PageBytes; at += PageSize.Base)
            {
                _host.Folios.CopyOut(ours.Folio, at, MemoryMarshal.AsBytes(have));
                _host.ReferenceFolios.CopyOut(theirs.Folio, at, MemoryMarshal.AsBytes(want));
                int same = have.CommonPrefixLength(want);
                if (same == have.Length) continue;
                Fail($"{_scene.NameOf(i)} holds {PageContent.Describe(have[same])} at byte {at + (same * sizeof(ulong))}, and "
                    + $"{PageContent.Describe(want[same])} where fills are atomic", step);
                break;
            }
        }
    }

    /// <summary>Frees all memory. The next run uses the same machine.</summary>
    public void End(int step)
    {
        _twin.End(_children);
        if (_host.ReferenceFolios.InUse is not 0 and var left)
            Fail($"{left} pages of the sequential kernel are in use after everything was given back", step);
    }

    private void OnAccess(Access access, int step)
    {
        if (_at is UserfaultContext) return;
        if (!_twins.TryGetValue(access, out Operation? known))
        {
            known = new Access(CallerOf(access.Caller));
            _twins.Add(access, known);
        }

        var twin = (Access)known;
        if (_at is Caller && !_looked.Remove(access) && !access.IsFinished)
        {
            Look(access, twin);
            return;
        }

        if (!_kernel.Step(twin))
        {
            Fail($"{access.Caller} goes on with its access to {_scene.NameOf(access.Address)}, which sleeps where fills are atomic", step);
            return;
        }

        if (access.Outcome == AccessOutcome.OutOfMemory)
        {
            _isOff = true;
            return;
        }

        if (access.IsFinished != twin.IsFinished || access.Outcome != twin.Outcome || access.At.GetType() != twin.At.GetType()
            || access.Value != twin.Value)
        {
            Fail($"the access to {_scene.NameOf(access.Address)} {InWords(access)}, and {InWords(twin)} where fills are atomic", step);
            return;
        }

        // Asleep or about to sleep: it decides again when it is woken, and only that decision is compared.
        if (twin.At is UserfaultContext) _kernel.Drop(twin);
    }

    private void Look(Access access, Access twin)
    {
        _kernel.Drop(twin);
        twin.Begin(access.Address, access.Kind, access.Value, access.Width);
        twin.Step();
        _ = _looked.Add(access);
    }

    private void OnCall(ControlOperation call, int step)
    {
        if (!_twins.TryGetValue(call, out Operation? twin))
        {
            twin = TwinOf(call);
            if (twin is null)
            {
                _isOff = true;
                return;
            }

            _twins.Add(call, twin);
        }

        if (!_kernel.Step(twin))
        {
            Fail($"{call.GetType().Name} goes on, and sleeps where fills are atomic", step);
            return;
        }

        var same = (ControlOperation)twin;
        if (call.IsFinished != same.IsFinished || (call.IsFinished && call.Error != same.Error))
        {
            Fail(
                $"{call.GetType().Name} {(call.IsFinished ? $"ended with {call.Error}" : "goes on")}, and "
                    + $"{(same.IsFinished ? $"ended with {same.Error}" : "goes on")} where fills are atomic",
                step);
        }
        else if (same is Model.Operations.Maps.ForkProcess { Child: { } child } && !_children.Contains(child))
        {
            _children.Add(child);
        }
    }

    /// <summary>The twin of a call that no thread of the scenario began: the rest of the close of a context.</summary>
    private Operation? TwinOf(ControlOperation call)
    {
        foreach (Operation due in _kernel.Due)
        {
            if (due.GetType() == call.GetType() && !_twins.ContainsValue(due)) return due;
        }

        return null;
    }

    // The anon_vma that a fill has made before it was refused half-way affects later merging; the reference's fill is refused at once.
    private void PrepareAlike()
    {
        foreach (Vma ours in _scene.Mm.Map.Vmas)
        {
            if (ours.Anon is not null && _twin.Mm.Map.Find(ours.Range.Start) is { Anon: null } theirs && theirs.Range == ours.Range)
                theirs.PrepareAnon(_twin.Mm.Map);
        }
    }

    private void OnFill(Fill fill, int step)
    {
        if (fill.SourceAccess is { } source && !_twins.ContainsKey(source))
        {
            Access twin = new(CallerOf(fill.Caller));
            _twins.Add(source, twin);
            Look(source, twin);
        }

        UserfaultContext context = _twin.Contexts[Array.IndexOf(_scene.Contexts, fill.Context)];
        if (fill.IsWriting && context.IsChanging)
        {
            Fail($"{fill.Kind} is about to fill {_scene.NameOf(fill.Start + (ulong)fill.Done)} while something changes", step);
            return;
        }

        if (fill.Done > _done)
        {
            int shift = _host.Layout.PageShift;
            Errno error = FillAtOnce(fill, context, _done, fill.Done - _done, out long? filled);
            if (error != Errno.None)
            {
                Fail(
                    $"{fill.Kind} filled {(fill.Done - _done) >> shift} pages from {_scene.NameOf(fill.Start + (ulong)_done)} "
                        + $"on, and would get {error} after {Math.Max(filled ?? 0, 0) >> shift} where fills are atomic",
                    step);
                return;
            }
        }

        // A fill that stops after its first page returns a positive count, and its caller does not see the errno.
        if (fill.Stopped == Errno.None || _stopped != Errno.None || _wasFinished || fill.Done > 0 || fill.Prepared > 0) return;
        switch (fill.Stopped)
        {
            case Errno.ENOMEM or Errno.EIO:
                break;
            // EFAULT of its source, which the reference does not have.
            case Errno.EFAULT when fill.Source.Kind == FillSourceKind.User:
                break;
            case Errno.EAGAIN:
                bool begun = context.IsChanging || fill.MeetsChange || fill.EpochHasChanged || fill.HasBeenProtected
                    || (fill.DecidedOn is { } seen && seen != context.ChangeEpoch);
                if (!begun && fill.Source.Kind != FillSourceKind.User)
                    Fail($"{fill.Kind} of {_scene.NameOf(fill.Start)} got EAGAIN, and nothing has begun to change since it was decided",
                        step);
                break;
            default:
                Errno expected = FillAtOnce(fill, context, 0, (long)fill.Length, out _);
                // For a huge page, the calling thread finds that it is there before it reads its source, while a change may hold the
                // mapping.
                bool isEarly = expected == Errno.EBUSY && fill is { Stopped: Errno.EEXIST, Source.Kind: FillSourceKind.User }
                    && _host.Layout.UnitPages > 1;
                if (expected != fill.Stopped && !isEarly)
                    Fail($"{fill.Kind} of {_scene.NameOf(fill.Start)} was stopped by {fill.Stopped}, and would get {expected} where fills "
                        + $"are atomic", step);
                break;
        }
    }

    /// <summary>Fills a part of a fill's range by a call of its own.</summary>
    private Errno FillAtOnce(Fill fill, UserfaultContext context, long from, long length, out long? filled)
    {
        ulong start = fill.Start + (ulong)from;
        FillSource source = fill.Source.Kind == FillSourceKind.User && fill.Done > from
            ? FillSource.Buffer(BytesOf(start))
            : fill.Source.Advance(from);
        if (source.Kind == FillSourceKind.User) source = FillSource.Zero;
        AtomicFill call = new(CallerOf(fill.Caller));
        call.Begin(context, fill.Kind, start, (ulong)length, source, fill.Modes | FillModes.DontWake, fill.Pointer);
        call.Step();
        while (!call.IsFinished && _kernel.Step(call))
        {
        }

        filled = call.Out;
        return call.IsFinished ? call.Error : Errno.EBUSY;
    }

    private nint BytesOf(ulong address)
    {
        Entry entry = _scene.Mm.EntryAt(PageSize.PageOf(address));
        Span<byte> part = stackalloc byte[PageSize.Base];
        for (int at = 0; at < _host.Layout.PageBytes; at += PageSize.Base)
        {
            if (entry.Kind is EntryKind.Anon or EntryKind.File) _host.Folios.CopyOut(entry.Folio, at, part);
            _host.Scratch.Write(at, part);
        }

        return _host.Scratch.Address;
    }

    private void ReadEvents(int step)
    {
        for (int i = 0; i < _scene.Contexts.Length; i++)
        {
            UserfaultContext ours = _scene.Contexts[i];
            UserfaultContext theirs = _twin.Contexts[i];
            while (theirs.UnreadEvents > ours.UnreadEvents && theirs.TryRead(out _, out _, out _))
            {
            }

            if (theirs.UnreadEvents == ours.UnreadEvents && theirs.ChangeEpoch == ours.ChangeEpoch && theirs.IsChanging == ours.IsChanging)
                continue;
            Fail(
                $"{Scenario.Contexts[i].Name} has {ours.UnreadEvents} unread events in epoch {ours.ChangeEpoch}, and "
                    + $"{theirs.UnreadEvents} in epoch {theirs.ChangeEpoch} where fills are atomic",
                step);
        }
    }

    private void ComparePages(int step)
    {
        for (int i = 0; i < _scene.PageCount; i++)
        {
            Entry ours = _scene.EntryOf(i);
            Entry theirs = _twin.EntryOf(i);
            if (ours.Kind == theirs.Kind && ours.IsWp == theirs.IsWp && ours.IsShared == theirs.IsShared) continue;
            Fail($"{_scene.NameOf(i)} is {InWords(ours)}, and {InWords(theirs)} where fills are atomic", step);
            return;
        }
    }

    private Caller CallerOf(Caller caller)
    {
        if (_callers.TryGetValue(caller, out Caller? twin)) return twin;
        twin = _kernel.Attach(new Caller(_twin.Mm, caller.ThreadId));
        _callers.Add(caller, twin);
        return twin;
    }

    private void Fail(string sentence, int step) => _record.Fail(Invariant, sentence, step);

    private static string InWords(Entry entry) =>
        $"{entry.Kind}{(entry.IsWp ? ", write-protected" : "")}{(entry.IsShared ? ", shared" : "")}";

    private static string InWords(Access access) => access.IsFinished
        ? $"ended with {access.Outcome}{(access.Outcome == AccessOutcome.Ok ? " " + PageContent.Describe(access.Value) : "")}"
        : access.At switch { UserfaultContext => "goes to a userfaultfd", VmaOwner => "is an ordinary fault", _ => "goes on" };

    /// <summary>Clears write protection, unless something has begun to change since it was decided.</summary>
    private sealed class DecidedClear(Caller caller, UserfaultContext context, WriteProtect call, PageRequest request)
        : WriteProtect(caller, context, request.Address, (ulong)request.Bytes, (ulong)WriteProtectModes.Clear)
    {
        private readonly long _decidedOn = context.ChangeEpoch;

        protected override Errno BeforeChange() => call.Error == Errno.EAGAIN && On.ChangeEpoch != _decidedOn ? Errno.EAGAIN : Errno.None;
    }

    /// <summary>A fill that ignores changes begun after it was decided: the run has checked for them already.</summary>
    private sealed class AtomicFill(Caller caller) : Fill(caller)
    {
        internal override bool MeetsChange => false;

        internal override bool EpochHasChanged => false;
    }
}
