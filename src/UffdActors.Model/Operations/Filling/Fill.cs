using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Filling;

/// <summary>
/// A fill on its way: UFFDIO_COPY, ZEROPAGE, CONTINUE or POISON (SEMANTICS 5.1 to 5.6). Reusable.
/// </summary>
/// <remarks>
/// <para>
/// Stages: <c>Begin</c> (caller) checks arguments and looks up the mapping; <c>Prepare</c> (the module's backend) makes or finds folios,
/// where the memory is a module's; <c>ReadSource</c> (caller) reads a source that may fault; <c>Install</c> (VMA's owner) compares what
/// the fill was decided on with what is true now, and writes cache slot and entry in one turn; <c>Wake</c> (context).
/// </para>
/// <para>
/// It carries the calling context, the map and the change epoch that it was decided on (RING R2). The owner of the destination need
/// not be the calling context; threads are woken on the calling one.
/// </para>
/// </remarks>
public class Fill : Operation
{
    /// <summary>Pages with content of their own that one turn fills at the most, so that nobody waits longer behind it.</summary>
    internal const int PagesPerTurn = 512;

    private Stage _stage;
    private VmaMap? _map;
    private Vma? _vma;
    private long _epoch;
    private long _done;
    private Errno _stop;
    private uint[] _folios = new uint[1];
    private int _prepared;
    private uint _loose;
    private int _loaded;
    private Access? _sourceAccess;
    private bool _insideSourceAccess;
    private bool _referenced;
    private bool _slept;
    private Owner? _nextOwner;
    private Stage _nextStage;

    /// <summary>Makes a fill for a thread; <see cref="Begin"/> aims it.</summary>
    public Fill(Caller caller)
        : base(caller) => Caller = caller;

    private enum Stage
    {
        Begin,
        Prepare,
        ReadSource,
        Install,
        Write,
        Depart,
        Wake,
        End,
    }

    /// <summary>The thread that makes the call.</summary>
    public Caller Caller { get; }

    /// <summary>The context on which the call is made.</summary>
    public UserfaultContext Context { get; private set; } = null!;

    /// <summary>Which call.</summary>
    public FillKind Kind { get; private set; }

    /// <summary>First address to fill.</summary>
    public ulong Start { get; private set; }

    /// <summary>Bytes to fill.</summary>
    public ulong Length { get; private set; }

    /// <summary>Where the content comes from.</summary>
    public FillSource Source { get; private set; }

    /// <summary>Mode bits.</summary>
    public FillModes Modes { get; private set; }

    /// <summary>The argument structure.</summary>
    public ArgumentPointer Pointer { get; private set; }

    /// <summary>
    /// False if a fill that succeeds in full ends in the turn of the context that wakes its waiters, without another hop to the
    /// caller. Failures always go back to the caller.
    /// </summary>
    public bool ReportsSuccess { get; init; } = true;

    /// <summary>
    /// The change epoch that the caller had seen when it decided to fill (RING R9): if another one is true when the fill begins, the answer
    /// is the one of an unread event, EAGAIN. Null for callers that have decided nothing, as the kernel has it.
    /// </summary>
    public long? DecidedOn { get; protected set; }

    /// <summary>The call's errno. EAGAIN with a positive <see cref="Out"/> is a partial success.</summary>
    public Errno Error { get; private set; }

    /// <summary>The signed out field: bytes done, or a negative errno; null if the kernel did not write it.</summary>
    public long? Out { get; private set; }

    /// <summary>Aims the fill. To be followed by <see cref="Step"/> in a turn of the caller.</summary>
    public void Begin(
        UserfaultContext context,
        FillKind kind,
        ulong start,
        ulong length,
        FillSource source = default,
        FillModes modes = FillModes.None,
        ArgumentPointer pointer = ArgumentPointer.Good)
    {
        Restart();
        // References that are nearly always the same from one use to the next are compared, which costs less than to write them.
        if (!ReferenceEquals(Context, context)) Context = context;
        Kind = kind;
        Start = start;
        Length = length;
        Source = source;
        Modes = modes;
        Pointer = pointer;
        Error = Errno.None;
        Out = null;
        _stage = Stage.Begin;
        _done = 0;
        _stop = Errno.None;
        _prepared = 0;
        _loose = FolioStore.None;
        _loaded = 0;
    }

    /// <inheritdoc />
    public override void Step()
    {
        switch (_stage)
        {
            case Stage.Begin:
                CheckArguments();
                break;
            case Stage.Prepare:
                Prepare();
                break;
            case Stage.ReadSource:
                if (!_insideSourceAccess) ReadSource();
                break;
            case Stage.Install:
                Install((VmaOwner)At);
                break;
            case Stage.Write:
                Write((VmaOwner)At);
                break;
            case Stage.Depart:
                _stage = _nextStage;
                GoTo(_nextOwner!);
                break;
            case Stage.Wake:
                Wake();
                break;
            default:
                Complete();
                break;
        }
    }

    /// <summary>The context whose threads are woken: the one that the call was made on, whoever owns the destination (RING R2).</summary>
    internal virtual UserfaultContext WokenContext => Context;

    /// <summary>True if something has begun to change since the fill was decided (RING R2).</summary>
    internal virtual bool EpochHasChanged => Context.ChangeEpoch != _epoch;

    /// <summary>True if the map is not the one any more that the fill was decided on (RING R2).</summary>
    internal virtual bool MapHasChanged => !ReferenceEquals(Context.Mm.Map, _map);

    /// <summary>True if something is changing right now: no fill begins.</summary>
    internal virtual bool MeetsChange => Context.IsChanging;

    /// <summary>Bytes filled so far.</summary>
    internal long Done => _done;

    /// <summary>Why it goes no further; none as long as nothing stopped it.</summary>
    internal Errno Stopped => _stop != Errno.None ? _stop : Error;

    /// <summary>Pages of a module that are ready to be installed.</summary>
    internal int Prepared => _prepared;

    /// <summary>True between the last look at map and epoch and the writing, which belong to one turn.</summary>
    internal bool IsWriting => _stage == Stage.Write;

    /// <summary>The access by which its source is being faulted in; null if there is none.</summary>
    internal Access? SourceAccess => _sourceAccess;

    private bool HasUserSource => Kind == FillKind.Copy && Source.Kind == FillSourceKind.User;

    private void CheckArguments()
    {
        if (!Context.IsInitialized)
        {
            End(Errno.EINVAL, null);
            return;
        }

        // Comes before everything else, even before the argument is read. The order matters: first the epoch, then whether
        // something is changing; an event that is raised in between is noticed when the page is installed.
        _epoch = Context.ChangeEpoch;
        if (MeetsChange || (DecidedOn is { } seen && seen != _epoch))
        {
            if (Pointer == ArgumentPointer.Good) End(Errno.EAGAIN, -(long)Errno.EAGAIN);
            else End(Errno.EFAULT, null);
            return;
        }

        ulong allowed = Kind is FillKind.Copy or FillKind.Continue
            ? (ulong)(FillModes.DontWake | FillModes.WriteProtect)
            : (ulong)FillModes.DontWake;
        if (Pointer == ArgumentPointer.Null) End(Errno.EFAULT, null);
        else if (HasUserSource && !ArgumentChecks.IsUnalignedRange(Source.Word, Length)) End(Errno.EINVAL, null);
        else if (!ArgumentChecks.IsRange(Start, Length)) End(Errno.EINVAL, null);
        else if (!ArgumentChecks.HasOnly((ulong)Modes, allowed)) End(Errno.EINVAL, null);
        else if (!Context.Mm.IsAlive) End(Errno.ESRCH, null);
        else if (Validate()) Route();
    }

    /// <summary>Looks the destination up as if the call came now. In anybody's turn: everything it reads is published.</summary>
    /// <param name="isChanging">True if mappings are known to be changing.</param>
    /// <returns>False if the fill has ended.</returns>
    private bool Validate(bool isChanging = false)
    {
        VmaMap map = Context.Mm.Map;
        if (!ReferenceEquals(_map, map)) _map = map;
        Vma? vma = map.Find(PageSize.PageOf(Start));
        // As in the kernel, a private mapping gets its anon_vma before it is asked whether it is registered at all.
        vma?.PrepareAnon(map);
        Errno error = vma switch
        {
            null => Errno.ENOENT,
            _ when PageSize.PageOf(Start + Length) > vma.Range.End => Errno.ENOENT,
            { Context: null } => Errno.ENOENT,
            _ when isChanging || EpochHasChanged => Errno.EAGAIN,
            _ => FillRules.Check(Context.Mm.Machine, vma, Kind, Modes, Start, Length),
        };
        if (error != Errno.None)
        {
            Stop(error);
            return false;
        }

        if (!ReferenceEquals(_vma, vma))
        {
            if (_vma is not null && vma!.Store != _vma.Store) FreePrepared();
            _vma = vma;
        }

        return true;
    }

    private void Route()
    {
        if (HasUserSource && _loaded < _vma!.PageBytes && (_loose != FolioStore.None || !FillRules.NeedsModule(_vma, Kind)))
        {
            _stage = Stage.ReadSource;
            if (ReferenceEquals(At, Caller)) ReadSource();
            else GoTo(Caller);
        }
        else if (FillRules.NeedsModule(_vma!, Kind))
        {
            Depart(_vma!.Backend!, Stage.Prepare);
        }
        else
        {
            Depart(_vma!.Owner, Stage.Install);
        }
    }

    /// <summary>
    /// Sends what has been decided on published state. Between the look and the sending anything may happen on real threads, so an
    /// explorer gets a turn there.
    /// </summary>
    private void Depart(Owner owner, Stage stage)
    {
        if (At.Port.SplitsTurns)
        {
            (_nextOwner, _nextStage) = (owner, stage);
            _stage = Stage.Depart;
            GoTo(At);
            return;
        }

        _stage = stage;
        GoTo(owner);
    }

    private void Prepare()
    {
        OpsDesign design = OpsDesign.Of(Context.Mm.Machine);
        long page = PageSize.PageOf(Start) + (_done >> PageSize.BaseShift);
        long left = PageSize.PageOf(Start + Length) - page;
        int batch = HasUserSource ? 1 : (int)Math.Min(left, PagesPerTurn);
        if (_folios.Length < batch) _folios = new uint[batch];
        Errno error = Errno.None;
        while (_prepared < batch)
        {
            uint folio = HasUserSource ? _loose : FolioStore.None;
            error = PrepareOne(design, page + _prepared, ref folio);
            _loose = FolioStore.None;
            if (error == Errno.ENOENT && HasUserSource && folio != FolioStore.None && _loaded == 0)
            {
                // "Not enough": core fills this folio with everything dropped, looks again, and calls once more.
                _loose = folio;
                _stage = Stage.ReadSource;
                GoTo(Caller);
                return;
            }

            if (error != Errno.None)
            {
                if (Kind != FillKind.Continue) _vma!.Store.Free(folio);
                break;
            }

            _folios[_prepared++] = folio;
        }

        if (_prepared == 0 && MapHasChanged)
        {
            // What the hook says is about a mapping that may be gone: the answer is the one that a call gets that comes now (RING R2).
            FreePrepared();
            if (Validate()) Route();
            return;
        }

        _stop = error;
        if (_prepared == 0) StopAtPage(error);
        else Depart(_vma!.Owner, Stage.Install);
    }

    private Errno PrepareOne(OpsDesign design, long page, ref uint folio)
    {
        if (Kind == FillKind.Continue) return design.TryFind(_vma!, page, out folio);

        FillSource source = Kind == FillKind.ZeroPage ? FillSource.Zero : Source.Advance((page << PageSize.BaseShift) - (long)Start);
        return design.TryMake(new CopyRequest(Context.Mm.EntryAt(page), _vma!, page, source, Modes), ref folio);
    }

    /// <summary>Reads one page of a source in the caller's memory (RING R7); that may fault, and sleep.</summary>
    private void ReadSource()
    {
        if (_sourceAccess is { IsFinished: true, Outcome: not AccessOutcome.Ok })
        {
            _sourceAccess = null;
            StopAtPage(Errno.EFAULT);
            return;
        }

        _sourceAccess = null;
        if (_loose == FolioStore.None && !TryAllocateLoose()) return;
        while (_loaded < _vma!.PageBytes)
        {
            ulong address = Source.Word + (ulong)_done + (ulong)_loaded;
            if (TryReadSource(address)) continue;

            // The kernel copies again with its locks dropped: now the page is faulted in like any other.
            Access access = new(Caller) { Parent = this };
            access.Begin(address, AccessKind.Read | AccessKind.Kernel);
            _insideSourceAccess = true;
            access.Step();
            _insideSourceAccess = false;
            _sourceAccess = access;
            if (!access.IsFinished)
            {
                MakePageTable();
                // Asleep, the call holds a reference of its own to the context.
                if (!_referenced) Context.AddReference();
                _referenced = _slept = true;
                return;
            }

            if (access.Outcome != AccessOutcome.Ok)
            {
                StopAtPage(Errno.EFAULT);
                return;
            }
        }

        _sourceAccess = null;
        if (_slept)
        {
            _slept = false;
            if (!ValidateAfterSleep()) return;
        }
        else if (!Validate())
        {
            return;
        }

        Route();
    }

    /// <summary>
    /// The call has slept on its source. The kernel had dropped its locks and looks again at everything: at the map, then at
    /// what is changing (RING R7).
    /// </summary>
    /// <returns>False if the fill has ended.</returns>
    internal virtual bool ValidateAfterSleep()
    {
        _epoch = Context.ChangeEpoch;
        Vma before = _vma!;
        if (!Validate(Context.IsChanging)) return false;
        if (!(OpsDesign.Of(Context.Mm.Machine).RefusesChangedMapping && IsAnother(before, _vma!))) return true;
        Stop(Errno.EAGAIN);
        return false;
    }

    /// <summary>Kind of memory, file, place in it, or modes differ: not the mapping that the call was made for.</summary>
    private bool IsAnother(Vma before, Vma now) =>
        before.File != now.File || before.IsShared != now.IsShared || before.Modes != now.Modes
        || before.FileIndexOf(before.HeadOf(DonePage)) != now.FileIndexOf(now.HeadOf(DonePage));

    private bool TryAllocateLoose()
    {
        if (_vma!.IsHuge && HugeConflict(_vma, DonePage) is var conflict and not Errno.None)
        {
            Stop(conflict);
            return false;
        }

        _loose = _vma.Store.AllocateZeroed();
        if (_loose != FolioStore.None || !_vma.Store.HasIdentity) return true;
        StopAtPage(_vma.IsHuge ? Errno.EEXIST : Errno.ENOMEM);
        return false;
    }

    private bool TryReadSource(ulong address)
    {
        Caller.Guard.Hold(PageSize.PageOf(address));
        bool hit = Mmu.Decide(
            Caller.Mm, PageSize.PageOf(address), AccessKind.Read | AccessKind.Kernel, out Vma? vma, out Entry entry, out _)
            == Verdict.Hit;
        if (hit)
        {
            int offset = (int)(address & (ulong)(vma!.PageBytes - 1));
            int length = Math.Min(_vma!.PageBytes - _loaded, vma.PageBytes - offset);
            uint folio = entry.Kind == EntryKind.Zero ? FolioStore.None : entry.Folio;
            _vma.Store.CopyPart(ref _loose, _loaded, vma.Store, folio, offset, length);
            _loaded += length;
        }

        Caller.Guard.Release();
        return hit;
    }

    private long DonePage => PageSize.PageOf(Start) + (_done >> PageSize.BaseShift);

    private void Install(VmaOwner owner)
    {
        if (owner.IsHeld)
        {
            owner.Stash(this);
            return;
        }

        owner.Settle();
        if (MapHasChanged && !StillFits(owner)) return;
        if (EpochHasChanged)
        {
            Stop(Errno.EAGAIN);
            return;
        }

        // An event may be raised between this look and the writing of the entry; that is what the fence of RING R4 waits for.
        if (At.Port.SplitsTurns)
        {
            _stage = Stage.Write;
            At.Port.SendNext(this);
            return;
        }

        Write(owner);
    }

    private void Write(VmaOwner owner)
    {
        _stage = Stage.Install;
        Errno error = InstallPages();
        if (error != Errno.None) StopAtPage(error);
        else if (_stop != Errno.None) StopAtPage(_stop);
        else if (_done == (long)Length) Finish();
        else if (HasUserSource || FillRules.NeedsModule(_vma!, Kind)) Route();
        else GoTo(owner);
    }

    /// <summary>The map has changed since the lookup: the answer is the one that a call gets that comes now (RING R2).</summary>
    private bool StillFits(VmaOwner owner)
    {
        Vma before = _vma!;
        if (!Validate()) return false;
        Vma now = _vma!;
        if (now.Owner == owner && now.File == before.File && now.IsShared == before.IsShared
            && now.FileIndexOf(now.HeadOf(DonePage)) == before.FileIndexOf(before.HeadOf(DonePage)))
        {
            return true;
        }

        FreePrepared();
        _stop = Errno.None;
        Route();
        return false;
    }

    private Errno InstallPages()
    {
        long page = DonePage;
        long end = PageSize.PageOf(Start + Length);
        bool wp = (Modes & FillModes.WriteProtect) != 0;
        if (FillRules.NeedsModule(_vma!, Kind)) return InstallPrepared(page, wp);

        long stride = _vma!.Stride;
        for (int turn = 0; page < end; page += stride)
        {
            if (TryInstallExtent(ref page, end, wp)) return Errno.None;
            Errno error = FillPage.Core(_vma, page, Kind, Source.Advance(_done), ref _loose, wp);
            if (error != Errno.None) return error;
            _done += _vma.PageBytes;
            _loaded = 0;
            if (++turn == PagesPerTurn || HasUserSource) break;
        }

        return Errno.None;
    }

    /// <summary>Writes cache slot and entry of one page of a module, in one turn (RING R5).</summary>
    internal virtual Errno InstallOne(Vma vma, long page, uint folio, bool wp) => FillPage.Module(vma, page, Kind, folio, wp);

    private Errno InstallPrepared(long page, bool wp)
    {
        for (int i = 0; i < _prepared; i++, page++)
        {
            Errno error = InstallOne(_vma!, page, _folios[i], wp);
            if (error != Errno.None)
            {
                if (Kind != FillKind.Continue)
                {
                    for (; i < _prepared; i++) _vma!.Store.Free(_folios[i]);
                }

                _prepared = 0;
                return error;
            }

            _done += PageSize.Base;
        }

        _prepared = 0;
        _loaded = 0;
        return Errno.None;
    }

    /// <summary>Content without folios, into a large empty stretch: an extent, whatever its length.</summary>
    private bool TryInstallExtent(ref long page, long end, bool wp)
    {
        const int Worthwhile = 1 << WordTable.LeafBits;
        if (!_vma!.IsAnonymous || end - page < Worthwhile
            || !(Kind == FillKind.ZeroPage || (Kind == FillKind.Copy && !_vma.Store.HasIdentity)))
            return false;
        AddressSpace mm = Context.Mm;
        Entry entry = Kind == FillKind.ZeroPage ? Entry.Zero : Entry.Anon(_vma.Store.AllocateFrom(Source)).WithWp(wp);
        while (page < end)
        {
            if (mm.Entries.Run(page, end, out long length) != 0) return false;
            long count = length;
            while (page + count < end && mm.Entries.Run(page + count, end, out length) == 0) count += length;
            mm.Entries.Fill(page, count, entry.Word);
            page += count;
            _done += count << PageSize.BaseShift;
        }

        return true;
    }

    private static Errno HugeConflict(Vma vma, long page)
    {
        if (vma.Owner.Mm.EntryAt(page).IsPresent) return Errno.EEXIST;
        return vma.IsShared && vma.File!.SlotAt(vma.FileIndexOf(page)).IsPresent ? Errno.EEXIST : Errno.None;
    }

    private void Stop(Errno error)
    {
        _stop = error;
        Finish();
    }

    /// <summary>Ends at a page whose mapping was right: its page table was made before anything else was found out.</summary>
    private void StopAtPage(Errno error)
    {
        MakePageTable();
        Stop(error);
    }

    private void MakePageTable()
    {
        if (!MapHasChanged && !_vma!.IsHuge) Context.Mm.PageTables.Make(DonePage);
    }

    private void Finish()
    {
        FreePrepared();
        long result = _done > 0 ? _done : -(long)_stop;
        if (Pointer == ArgumentPointer.ReadOnly)
        {
            // The pages stay, and nobody is woken.
            End(Errno.EFAULT, null);
            return;
        }

        if (result < 0)
        {
            End(_stop, result);
            return;
        }

        Error = result == (long)Length ? Errno.None : Errno.EAGAIN;
        Out = result;
        if ((Modes & FillModes.DontWake) != 0)
        {
            End(Error, Out);
            return;
        }

        _stage = Stage.Wake;
        GoTo(WokenContext);
    }

    /// <summary>Called in a turn of the context when pages have been filled, just before their threads are woken.</summary>
    protected virtual void OnFilled()
    {
    }

    /// <summary>
    /// Called in a turn of the context when a fill that does not report success has succeeded in full, after its threads were woken: the
    /// fill has ended, and may be used again from in here.
    /// </summary>
    protected virtual void OnSucceeded()
    {
    }

    private void Wake()
    {
        OnFilled();
        WokenContext.Wake(Start, Start + (ulong)Out!.Value);
        Context.Mm.RetrySpinning();
        if (Error == Errno.None && !ReportsSuccess)
        {
            _stage = Stage.End;
            Complete();
            OnSucceeded();
            return;
        }

        End(Error, Out);
    }

    private void End(Errno error, long? result)
    {
        Error = error;
        Out = result;
        _stage = Stage.End;
        if (_referenced)
        {
            _referenced = false;
            ReleaseContext.AfterLastReference(Context, Caller);
        }

        if (ReferenceEquals(At, Caller)) Complete();
        else GoTo(Caller);
    }

    private void FreePrepared()
    {
        if (_loose != FolioStore.None) _vma!.Store.Free(_loose);
        _loose = FolioStore.None;
        _loaded = 0;
        if (_prepared > 0 && Kind != FillKind.Continue)
        {
            for (int i = 0; i < _prepared; i++) _vma!.Store.Free(_folios[i]);
        }

        _prepared = 0;
    }
}
