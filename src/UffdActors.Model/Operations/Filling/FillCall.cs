using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Filling;

/// <summary>What a fill is asked for, and what it answers; its stages are <see cref="Fill"/>.</summary>
internal abstract class FillCall : Operation
{
    /// <summary>Map and epoch that it was decided on (RING R2).</summary>
    private protected Destination To;

    /// <summary>Folios of a module that are ready to be installed.</summary>
    private protected PreparedFolios Folios;

    /// <summary>The page that is read from the caller's memory.</summary>
    private protected SourcePage Page;

    private bool _holdsContext;

    private protected FillCall(Caller caller)
        : base(caller) => Caller = caller;

    /// <summary>The stages of a fill.</summary>
    private protected enum Stage
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
    /// The change epoch that the caller had seen when it decided to fill (RING R9): if the context's is another one when the fill begins,
    /// the result is EAGAIN, as for an unread event. Null: not compared, as in the kernel.
    /// </summary>
    public long? DecidedOn { get; protected set; }

    /// <summary>It maps a page without protection because the page had left so, and gives EAGAIN if that has changed (RING P7).</summary>
    public bool HasLeftOpen { get; protected set; }

    /// <summary>The call's errno. EAGAIN with a positive <see cref="Out"/> is a partial success.</summary>
    public Errno Error { get; private protected set; }

    /// <summary>The signed out field: bytes done, or a negative errno; null if the kernel did not write it.</summary>
    public long? Out { get; private protected set; }

    /// <summary>Bytes filled so far.</summary>
    internal long Done { get; private protected set; }

    /// <summary>The errno that stopped it; none so far if nothing did.</summary>
    internal Errno Stopped => StopReason != Errno.None ? StopReason : Error;

    /// <summary>Pages of a module that are ready to be installed.</summary>
    internal int Prepared => Folios.Count;

    /// <summary>True between the last look at map and epoch and the writing, which belong to one turn.</summary>
    internal bool IsWriting => Due == Stage.Write;

    /// <summary>The access by which its source is being faulted in; null if there is none.</summary>
    internal Access? SourceAccess => Page.Access;

    /// <summary>True if the content is read from the caller's own memory.</summary>
    internal bool HasUserSource => Kind == FillKind.Copy && Source.Kind == FillSourceKind.User;

    /// <summary>The page that is to be filled next.</summary>
    private protected long NextPage => PageSize.PageOf(Start) + (Done >> PageSize.BaseShift);

    /// <summary>The page behind the last.</summary>
    private protected long EndPage => PageSize.PageOf(Start + Length);

    /// <summary>The stage that is due.</summary>
    private protected Stage Due { get; set; }

    /// <summary>What has stopped the fill.</summary>
    private protected Errno StopReason { get; set; }

    /// <summary>Sets the arguments. To be followed by <see cref="Operation.Step"/> in a turn of the caller.</summary>
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
        // The context is nearly always the one of the last call: comparing first avoids the GC write barrier.
        if (!ReferenceEquals(Context, context)) Context = context;
        Kind = kind;
        Start = start;
        Length = length;
        Source = source;
        Modes = modes;
        Pointer = pointer;
        Error = Errno.None;
        Out = null;
        Done = 0;
        StopReason = Errno.None;
        Due = Stage.Begin;
        Folios.Forget();
        Page.Forget();
    }

    /// <summary>Checks the arguments, in the kernel's order (SEMANTICS 5.1).</summary>
    private protected Errno CheckArguments()
    {
        ulong allowed = Kind is FillKind.Copy or FillKind.Continue
            ? (ulong)(FillModes.DontWake | FillModes.WriteProtect)
            : (ulong)FillModes.DontWake;
        if (Pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (HasUserSource && !ArgumentChecks.IsUnalignedRange(Source.Word, Length)) return Errno.EINVAL;
        if (!ArgumentChecks.IsRange(Start, Length)) return Errno.EINVAL;
        if (!ArgumentChecks.HasOnly((ulong)Modes, allowed)) return Errno.EINVAL;
        return Context.Mm.IsAlive ? Errno.None : Errno.ESRCH;
    }

    /// <summary>
    /// Sets the result of a call that ends: bytes done, or the errno. If the result cannot be written to the argument, the pages stay and
    /// no thread is woken.
    /// </summary>
    /// <returns>True if waiters are to be woken.</returns>
    private protected bool Answer()
    {
        if (Pointer == ArgumentPointer.ReadOnly)
        {
            (Error, Out) = (Errno.EFAULT, null);
            return false;
        }

        if (Done == 0)
        {
            (Error, Out) = (StopReason, -(long)StopReason);
            return false;
        }

        (Error, Out) = (Done == (long)Length ? Errno.None : Errno.EAGAIN, Done);
        return (Modes & FillModes.DontWake) == 0;
    }

    /// <summary>The call sleeps: it holds a reference of its own to the context until it ends.</summary>
    private protected void HoldContext()
    {
        if (!_holdsContext) Context.AddReference();
        _holdsContext = true;
    }

    private protected void Stop(Errno error)
    {
        StopReason = error;
        Finish();
    }

    /// <summary>Ends at a page whose mapping passed the checks: its page table is allocated before any later check.</summary>
    private protected void StopAtPage(Errno error)
    {
        MakePageTable();
        Stop(error);
    }

    private protected void MakePageTable()
    {
        if (!MapHasChanged && !To.Vma!.IsHuge) Context.Mm.PageTables.Make(NextPage);
    }

    private protected void Finish()
    {
        FreePrepared();
        if (Answer())
        {
            Due = Stage.Wake;
            GoTo(WokenContext);
        }
        else
        {
            End(Error, Out);
        }
    }

    private protected void Wake()
    {
        OnFilled();
        WokenContext.Wake(Start, Start + (ulong)Out!.Value);
        Context.Mm.RetrySpinning();
        if (Error == Errno.None && !ReportsSuccess)
        {
            Due = Stage.End;
            Complete();
            OnSucceeded();
            return;
        }

        End(Error, Out);
    }

    private protected void End(Errno error, long? result)
    {
        Error = error;
        Out = result;
        Due = Stage.End;
        if (_holdsContext)
        {
            _holdsContext = false;
            ReleaseContext.AfterLastReference(Context, Caller);
        }

        if (ReferenceEquals(At, Caller)) Complete();
        else GoTo(Caller);
    }

    private protected void FreePrepared()
    {
        Page.Free(To.Vma);
        Folios.Free(To.Vma, Kind);
    }

    /// <summary>Called in a turn of the context when pages have been filled, just before their threads are woken.</summary>
    protected virtual void OnFilled()
    {
    }

    /// <summary>
    /// Called in a turn of the context when a fill that does not report success has succeeded in full, after its threads were woken: the
    /// fill has ended, and may be reused inside this call.
    /// </summary>
    protected virtual void OnSucceeded()
    {
    }

    /// <summary>
    /// In the turn that writes a page's entry: a call has protected the page since it was decided to map it without (RING P7). The fill
    /// gives EAGAIN.
    /// </summary>
    internal bool HasBeenProtected => HasLeftOpen && !MapsOpen(Context.Mm.EntryAt(NextPage));

    /// <summary>True if a page may be mapped without protection: none has been put in its place since it left.</summary>
    [MutationPoint("RING P7")]
    internal virtual bool MapsOpen(Entry entry) => entry.Kind != EntryKind.WpMarker;

    /// <summary>
    /// The context whose threads are woken: the one that the call was made on, whichever context the destination is registered with (RING
    /// R2).
    /// </summary>
    [MutationPoint("RING R2")]
    internal virtual UserfaultContext WokenContext => Context;

    /// <summary>True if something has begun to change since the fill was decided (RING R2).</summary>
    [MutationPoint("RING R2, R7")]
    internal virtual bool EpochHasChanged => Context.ChangeEpoch != To.Epoch;

    /// <summary>True if the map has changed since the fill was decided (RING R2).</summary>
    [MutationPoint("RING R2, R7")]
    internal virtual bool MapHasChanged => !ReferenceEquals(Context.Mm.Map, To.Map);

    /// <summary>True if something is changing right now: no fill begins.</summary>
    [MutationPoint("RING R4")]
    internal virtual bool MeetsChange => Context.IsChanging;
}
