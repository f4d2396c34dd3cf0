using UffdActors.Abi;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

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
internal class Fill : FillCall
{
    private bool _slept;
    private Owner? _nextOwner;
    private Stage _nextStage;

    /// <summary>Makes a fill for a thread; <see cref="FillCall.Begin"/> sets its arguments.</summary>
    public Fill(Caller caller)
        : base(caller)
    {
    }

    /// <inheritdoc />
    public override void Step()
    {
        switch (Due)
        {
            case Stage.Begin:
                CheckCall();
                break;
            case Stage.Prepare:
                Prepare();
                break;
            case Stage.ReadSource:
                if (!Page.IsStepping) ReadSource();
                break;
            case Stage.Install:
                Install((VmaOwner)At);
                break;
            case Stage.Write:
                Write((VmaOwner)At);
                break;
            case Stage.Depart:
                Due = _nextStage;
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

    private void CheckCall()
    {
        if (!Context.IsInitialized)
        {
            End(Errno.EINVAL, null);
            return;
        }

        // Comes before everything else, even before the argument is read. The order matters: first the epoch, then whether
        // something is changing; an event that is raised in between is noticed when the page is installed.
        To.Epoch = Context.ChangeEpoch;
        if (MeetsChange || (DecidedOn is { } seen && seen != To.Epoch))
        {
            if (Pointer == ArgumentPointer.Good) End(Errno.EAGAIN, -(long)Errno.EAGAIN);
            else End(Errno.EFAULT, null);
            return;
        }

        Errno error = CheckArguments();
        if (error != Errno.None) End(error, null);
        else if (Validate()) Route();
    }

    /// <summary>Looks the destination up as if the call came now (RING R2).</summary>
    /// <returns>False if the fill has ended.</returns>
    private bool Validate(bool isChanging = false)
    {
        Errno error = To.Look(this, isChanging, out Vma? vma);
        if (error != Errno.None)
        {
            Stop(error);
            return false;
        }

        if (!ReferenceEquals(To.Vma, vma))
        {
            if (To.Vma is not null && vma!.Store != To.Vma.Store) FreePrepared();
            To.Vma = vma;
        }

        return true;
    }

    private void Route()
    {
        if (HasUserSource && Page.Loaded < To.Vma!.PageBytes && (Page.Folio != FolioStore.None || !FillRules.NeedsModule(To.Vma, Kind)))
        {
            Due = Stage.ReadSource;
            if (ReferenceEquals(At, Caller)) ReadSource();
            else GoTo(Caller);
        }
        else if (FillRules.NeedsModule(To.Vma!, Kind))
        {
            Depart(To.Vma!.Backend!, Stage.Prepare);
        }
        else
        {
            Depart(To.Vma!.Owner, Stage.Install);
        }
    }

    /// <summary>
    /// Sends what has been decided on published state. On real threads other turns may run between the look and the sending, so exploration
    /// may schedule one there.
    /// </summary>
    private void Depart(Owner owner, Stage stage)
    {
        if (At.Port.SplitsTurns)
        {
            (_nextOwner, _nextStage) = (owner, stage);
            Due = Stage.Depart;
            GoTo(At);
            return;
        }

        Due = stage;
        GoTo(owner);
    }

    private void Prepare()
    {
        int batch = HasUserSource ? 1 : (int)Math.Min(EndPage - NextPage, FillPages.PerTurn);
        Errno error = Folios.Prepare(this, To.Vma!, NextPage, batch, ref Page);
        if (Page.Folio != FolioStore.None)
        {
            Due = Stage.ReadSource;
            GoTo(Caller);
        }
        else if (Folios.Count > 0)
        {
            StopReason = error;
            Depart(To.Vma!.Owner, Stage.Install);
        }
        else if (MapHasChanged)
        {
            // The hook's answer is about a mapping that may be gone: the result is that of a call made now (RING R2).
            FreePrepared();
            if (Validate()) Route();
        }
        else
        {
            StopAtPage(error);
        }
    }

    /// <summary>Reads one page of a source in the caller's memory (RING R7); that may fault, and sleep.</summary>
    private void ReadSource()
    {
        if (Page.HasFailed())
        {
            StopAtPage(Errno.EFAULT);
            return;
        }

        Errno error = Page.Folio == FolioStore.None ? Page.Allocate(To.Vma!, NextPage) : Errno.None;
        if (error == Errno.None) error = Page.Read(this, To.Vma!, Source.Word + (ulong)Done);
        if (error != Errno.None)
        {
            StopAtPage(error);
            return;
        }

        if (Page.Access is not null)
        {
            MakePageTable();
            HoldContext();
            _slept = true;
            return;
        }

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

        // An event may be raised between this check and the writing of the entry; the fence of RING R4 waits for that.
        if (At.Port.SplitsTurns)
        {
            Due = Stage.Write;
            At.Port.SendNext(this);
            return;
        }

        Write(owner);
    }

    private void Write(VmaOwner owner)
    {
        Due = Stage.Install;
        if (HasBeenProtected)
        {
            Stop(Errno.EAGAIN);
            return;
        }

        Errno error = InstallPages(To.Vma!);
        if (error != Errno.None) StopAtPage(error);
        else if (StopReason != Errno.None) StopAtPage(StopReason);
        else if (Done == (long)Length) Finish();
        else if (HasUserSource || FillRules.NeedsModule(To.Vma!, Kind)) Route();
        else GoTo(owner);
    }

    /// <summary>The map has changed since the lookup: the result is that of a call made now (RING R2).</summary>
    private bool StillFits(VmaOwner owner)
    {
        Vma before = To.Vma!;
        if (!Validate()) return false;
        if (To.Vma!.Owner == owner && Destination.IsSamePlace(before, To.Vma, NextPage)) return true;
        FreePrepared();
        StopReason = Errno.None;
        Route();
        return false;
    }

    private Errno InstallPages(Vma vma)
    {
        bool wp = (Modes & FillModes.WriteProtect) != 0;
        Errno error = FillRules.NeedsModule(vma, Kind)
            ? Folios.Install(this, vma, NextPage, wp, out long pages)
            : FillPages.Install(this, vma, NextPage, EndPage, wp, ref Page, out pages);
        Done += pages << PageSize.BaseShift;
        // The page that was read is installed; a fill that has failed frees it when it ends.
        if (error == Errno.None) Page.Loaded = 0;
        return error;
    }

    /// <summary>
    /// The call has slept on its source. The kernel had dropped its locks and checks everything again: the map, then mmap_changing
    /// (RING R7).
    /// </summary>
    /// <returns>False if the fill has ended.</returns>
    [MutationPoint("RING R7")]
    internal virtual bool ValidateAfterSleep()
    {
        To.Epoch = Context.ChangeEpoch;
        Vma before = To.Vma!;
        if (!Validate(Context.IsChanging)) return false;
        bool isAnother = before.Modes != To.Vma!.Modes || !Destination.IsSamePlace(before, To.Vma, NextPage);
        if (!(isAnother && OpsDesign.Of(Context.Mm.Machine).RefusesChangedMapping)) return true;
        Stop(Errno.EAGAIN);
        return false;
    }

    /// <summary>Writes cache slot and entry of one page of a module, in one turn (RING R5).</summary>
    [MutationPoint("RING R5, P7")]
    internal virtual Errno InstallOne(Vma vma, long page, uint folio, bool wp) => FillPage.Module(vma, page, Kind, folio, wp);
}
