using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>
/// The fill of the piece that the background push has in hand: aims it, and reads what has come of it. What is left is filled by another
/// one, until the piece is done with.
/// </summary>
/// <remarks>
/// Three kinds of fills, with one method each for their answers: an ordinary one; COPY into a hole of a file that is filled through an
/// alias; CONTINUE that asks whether a larger page is there at all.
/// </remarks>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="options">The push.</param>
/// <param name="chunk">The chunk in hand.</param>
/// <param name="wanted">The pages that are still to be brought.</param>
/// <param name="waits">Told of every success.</param>
internal sealed class PushFill(VmContext vm, PushOptions options, PushChunk chunk, WantedPages wanted, PushWaits waits)
{
    private readonly int _unit = options.UnitPages;
    private PageRun _run;
    private FillPlan _plan;
    private bool _isProbe;
    private bool _pageByPage;
    private bool _copiesZeros;
    private bool _meetsHole;
    private long _holeAt;
    private ulong _takenForCached;
    private long _leftToDemand = -1;

    /// <summary>The call.</summary>
    public IPageFill Call { get; } = options.Thread.NewFill(null);

    /// <summary>Base pages of the piece that are left.</summary>
    public int PagesLeft => chunk.Piece.Pages;

    /// <summary>What is to be waited out; part of a sentence.</summary>
    public string Trouble { get; private set; } = "";

    /// <summary>What is wrong with the source's answer.</summary>
    public WrongAnswerException? Wrong { get; private set; }

    /// <summary>Another piece is in hand.</summary>
    public void BeginPiece()
    {
        _pageByPage = false;
        _meetsHole = false;
        _takenForCached = 0;
    }

    /// <summary>What was refused, lost, or left to demand, is tried once more.</summary>
    public void Recover()
    {
        wanted.ForgetRefused();
        _leftToDemand = -1;
    }

    /// <summary>Aims a fill of the piece, or of what is left of it, by what the reader knows in this very turn (RING R9).</summary>
    /// <returns><see cref="PushStep.Issue"/>, or <see cref="PushStep.GoOn"/> if its front is not to be filled now.</returns>
    public PushStep Aim()
    {
        // First the epoch, then the view: an event that comes in between makes the fill start over.
        long decidedOn = options.Thread.ChangeEpoch;
        PageRun piece = chunk.Piece;
        if (wanted.RegionOf(piece.FirstPage) is not { } region)
        {
            // Unmapped: no thread can fault on these pages any more, and they are not there.
            chunk.Skip((int)Math.Min(piece.Pages, wanted.NextMissing(piece.FirstPage) - piece.FirstPage));
            return PushStep.GoOn;
        }

        bool isAliased = region.By == ResolveBy.Continue;
        // A hole that has been unmapped meanwhile: the next page is none for that. Taken for one it would be mapped as the cache has it,
        // without its content.
        if (isAliased && _holeAt != piece.FirstPage) _meetsHole = false;
        _run = chunk.Front(region);
        if (region.Pages.HasRemoved && region.Pages.IsRemoved(piece.FirstPage, _unit))
        {
            // The guest has given them back meanwhile: zeros when they are touched, and no memory until then.
            chunk.Skip(_run.Pages);
            return PushStep.GoOn;
        }

        if (options.KeepsHoles && region.KeepsHoles && _run.Content == SourceContent.Zero)
        {
            // What a handler has in hand of them it fills all the same, with zeros.
            options.Progress.ZeroPages += _run.Pages / _unit;
            region.Pages.LeaveHole(_run.FirstPage, _run.Pages);
            // What the cache will have of them is the guest's. One that a handler has claimed it marks itself.
            for (long page = _run.FirstPage; region.Alias is { } alias && page < _run.FirstPage + _run.Pages; page += _unit)
            {
                if (alias.TryClaim(page)) alias.MarkWritten(page);
            }

            chunk.Skip(_run.Pages);
            waits.Filled();
            return PushStep.GoOn;
        }

        if (_pageByPage || _copiesZeros || (_meetsHole && isAliased)) _run = _run with { Pages = _unit };
        if (isAliased && !_meetsHole && !TryWriteAlias(region.Alias!)) return _meetsHole ? Aim() : PushStep.GoOn;
        _plan = FillPlan.Of(decidedOn, region, _run, options.Thread, _meetsHole, _copiesZeros);
        _copiesZeros = false;
        _plan.Begin(Call);
        return PushStep.Issue;
    }

    /// <summary>The fill has ended.</summary>
    public PushStep Ended()
    {
        FillAnswer answer = FillAnswers.Read(Call);
        if (_isProbe) return Probed(answer);
        if (_meetsHole && wanted.RegionOf(chunk.Piece.FirstPage)?.Alias is { } alias && CopiedIntoHole(alias, answer)) return PushStep.GoOn;
        return Filled(answer);
    }

    /// <summary>What is left of the chunk is asked for again, the page that has failed when nothing else is left.</summary>
    public void PutOff()
    {
        wanted.Fail(chunk.Left.Start, _unit);
        wanted.Rewind(chunk.Left.Start + _unit, chunk.Left.Count - _unit);
    }

    /// <summary>Base pages at the front of the piece are done with.</summary>
    public void Mark(int pages)
    {
        options.Pages.Received.Set(chunk.Piece.FirstPage, pages);
        chunk.Skip(pages);
    }

    private PushStep Filled(FillAnswer answer)
    {
        if (answer is FillAnswer.Filled or FillAnswer.Partly) Count((int)(Call.Out!.Value >> PageSize.BaseShift));
        bool isLong = Call.Length > (ulong)_unit << PageSize.BaseShift;
        switch (answer)
        {
            case FillAnswer.Filled or FillAnswer.Partly:
                break;
            case FillAnswer.CopyZeros:
                _copiesZeros = true;
                break;
            case FillAnswer.Present when _meetsHole && _unit == 1:
                // A page of the cache behind a hole: it is mapped as it is. Or a page of a private mapping, of which the cache has nothing:
                // then CONTINUE gives EFAULT again (asked of Linux 6.18.44), and this comes a second time.
                _meetsHole = false;
                if (_takenForCached == Call.Start) OnPresent();
                _takenForCached = Call.Start;
                break;
            case FillAnswer.Present when _unit > 1 && Call.Kind == FillKind.Copy && wanted.RegionOf(chunk.Piece.FirstPage) is { } part:
                // A page that is there, or an empty pool of huge pages, which answers the same. CONTINUE takes nothing from the pool.
                _isProbe = true;
                long page = chunk.Piece.FirstPage;
                bool hasLeftOpen = part.HasLeftOpen(page, options.Thread);
                _plan = _plan.AsProbe(hasLeftOpen ? FillModes.None : part.FillModesOf(page), hasLeftOpen, _unit);
                _plan.Begin(Call);
                return PushStep.Issue;
            case FillAnswer.Present:
                OnPresent();
                break;
            case FillAnswer.Gone or FillAnswer.Unfit when isLong:
                // A part of the range is gone, or is not what was registered, and the rest of it is still wanted.
                _pageByPage = true;
                break;
            case FillAnswer.Gone:
                OnGone();
                break;
            case FillAnswer.Unfit:
                Refuse();
                break;
            case FillAnswer.Hole when TryMeetHole():
                break;
            case FillAnswer.Unread:
                return PushStep.Delay;
            case FillAnswer.OwnerGone:
                return PushStep.OwnerGone;
            case FillAnswer.Unreadable when Call.Kind == FillKind.Copy && _run.Content == SourceContent.Bytes
                && (Wrong = options.Watch?.CheckAgain(_run.Data, _unit << PageSize.BaseShift)) is not null:
                return PushStep.SourceFailed;
            default:
                Trouble = PushIncidents.Fruitless(Call);
                return PushStep.WaitOut;
        }

        return PushStep.GoOn;
    }

    /// <summary>
    /// COPY into a hole of a file that is filled through an alias. The page is claimed all along, or a handler would write it once more,
    /// over what the guest has written since.
    /// </summary>
    /// <returns>False if it has ended as any fill may.</returns>
    private bool CopiedIntoHole(AliasPages alias, FillAnswer answer)
    {
        if (answer is FillAnswer.Unread or FillAnswer.Partly or FillAnswer.CopyZeros) return false;
        // The next page is no hole for that.
        _meetsHole = false;
        long page = chunk.Piece.FirstPage;
        switch (answer)
        {
            case FillAnswer.Filled:
                alias.MarkWritten(page);
                return false;
            case FillAnswer.Present when alias.IsWritten(page) && _takenForCached != Call.Start:
                // The cache has got a page by now, by a touch: it is mapped as it is.
                _takenForCached = Call.Start;
                return true;
            case FillAnswer.Unfit when alias.IsWritten(page):
                // CONTINUE has found a hole, and this memory takes no COPY: threads find zeros by themselves there, without a fault.
                Mark(_unit);
                return true;
            case FillAnswer.Present when !alias.IsWritten(page):
                // A hole was punched, and touched since, without a fault to userfaultfd: what the cache has is the guest's.
                alias.MarkWritten(page);
                return true;
            case FillAnswer.Present or FillAnswer.Unfit:
                // A handler can wait for memory, or for a populated alias; the background leaves the page to it, and brings it once more.
                // If that ends in the same way, another mapping is there: it has a page, and the file of ours is not behind
                // it.
                alias.Unclaim(page);
                if (_leftToDemand == page) Refuse();
                else chunk.Skip(_unit);
                _leftToDemand = page;
                return true;
            default:
                alias.Unclaim(page);
                return false;
        }
    }

    /// <summary>CONTINUE has told whether a page that COPY found there is really there: mapped, or at least in the cache.</summary>
    private PushStep Probed(FillAnswer answer)
    {
        _isProbe = false;
        switch (answer)
        {
            case FillAnswer.Filled or FillAnswer.Present:
                OnPresent();
                return PushStep.GoOn;
            case FillAnswer.OwnerGone:
                return PushStep.OwnerGone;
            case FillAnswer.Hole:
                Trouble = PushIncidents.Absent(Call);
                return PushStep.WaitOut;
            default:
                return PushStep.Delay;
        }
    }

    /// <summary>Writes pages of the cache that are not claimed yet; as many as go in one piece.</summary>
    /// <returns>False if there is none at the front.</returns>
    private bool TryWriteAlias(AliasPages alias)
    {
        int ready = AliasWriter.WriteFront(alias, options.Thread, _run, _unit, out bool endsAtHole);
        _run = _run with { Pages = ready };
        if (endsAtHole && ready == 0 && _unit == 1)
        {
            // The alias was populated, and has nothing there any more: a hole was punched, which COPY fills. The page stays claimed
            // meanwhile.
            _meetsHole = true;
            _holeAt = _run.FirstPage;
            return false;
        }

        // Or the pool of huge pages is empty; a handler can wait for that, the background leaves the page to it.
        if (endsAtHole) alias.Unclaim(_run.FirstPage + ready);
        if (ready == 0) chunk.Skip(_unit);
        return ready > 0;
    }

    /// <summary>
    /// CONTINUE found no page in the cache: a hole was punched. If an event has told of it the page is done, for a touch gives zeros
    /// without a fault. Else it is copied now: it may never be touched, and where MINOR alone is registered a touch raises no fault.
    /// Larger pages are left to demand.
    /// </summary>
    /// <returns>False if the cache was said to hold everything.</returns>
    private bool TryMeetHole()
    {
        long page = chunk.Piece.FirstPage;
        if (wanted.RegionOf(page) is not { } region || (region.Alias is null && !region.CopiesHoles)) return false;
        if (region.Alias is null || (_unit == 1 && !region.Pages.IsRemoved(page)))
        {
            // By COPY; where nothing goes in through an alias from here on, until that meets a page of the cache.
            _meetsHole = true;
            _holeAt = page;
        }
        else if (region.Pages.IsRemoved(page, _unit))
        {
            Mark(_unit);
        }
        else
        {
            region.Alias.Forget(page);
            chunk.Skip(_unit);
        }

        return true;
    }

    /// <summary>
    /// What is mapped there takes no such fill: other memory was mapped in the place of what was registered, and no event was asked for.
    /// As a handler does with such a page the push does not try on; it passes it over, and brings the others (RING F22).
    /// </summary>
    private void Refuse()
    {
        long page = chunk.Piece.FirstPage;
        if (wanted.Refuse(page, _unit, Call)) vm.Incidents.Report(PushIncidents.Refused(options.Region, page, Call));
        chunk.Skip(_unit);
    }

    /// <summary>A demand was faster. Its own fill has woken the page's threads, or will; waking once more costs nothing.</summary>
    private void OnPresent()
    {
        options.Thread.Wake(Call.Start, (ulong)_unit << PageSize.BaseShift);
        Mark(_unit);
    }

    /// <summary>Unmapped, and no event was asked for. It is not there, so it does not count.</summary>
    private void OnGone()
    {
        ServedRegion? seen = wanted.RegionOf(chunk.Piece.FirstPage);
        options.Context.Tell(new VmProtocol.Unmapped(Call.Start, Call.Start + Call.Length, null, seen), ActorRefs.NoSender);
        chunk.Skip(_unit);
    }

    private void Count(int pages)
    {
        waits.Filled();
        bool isZero = _run.Content == SourceContent.Zero;
        if (isZero) options.Progress.ZeroPages += pages / _unit;
        else options.Progress.Pages += pages / _unit;
        options.Pages.Fill(chunk.Piece.FirstPage, pages, isZero, Call.Kind == FillKind.Continue);
        chunk.Skip(pages);
    }
}
