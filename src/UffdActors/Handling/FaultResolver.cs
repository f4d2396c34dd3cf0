using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// How a handler resolves a fault: decisions that every world shares (RING P), on a request and the region that it is about. What earlier
/// answers have shown is kept in the request. Which call fills is a <see cref="FillPlan"/>, which push and racing resolvers make too.
/// </summary>
internal static class FaultResolver
{
    /// <summary>The first step for a request that is new, or was deferred.</summary>
    /// <param name="request">The request.</param>
    /// <param name="region">What is registered at its address now.</param>
    /// <param name="decidedOn">Change epoch, looked at before the region was.</param>
    /// <param name="thread">The thread that fills.</param>
    /// <param name="hasWaited">It has been deferred.</param>
    /// <param name="plan">The fill, if it is one.</param>
    public static Resolution First(
        PageRequest request, ServedRegion region, long decidedOn, MonitorThread thread, bool hasWaited, out FillPlan plan)
    {
        bool isRemoved = region.Pages.IsRemoved(request.Page, request.Pages);
        bool isLeftHole = region.Pages.IsLeftHole(request.Page, request.Pages);
        bool isMinor = (request.Flags & FaultFlags.Minor) != 0;
        request.CopiesZeros = request.Streak > 0 && request.StreakError != Errno.EFAULT;
        request.MeetsHole = request.WasHole = request.TakesNoCopy = false;
        plan = default;
        if ((request.Flags & FaultFlags.Wp) != 0) return Resolution.ClearProtection;
        // A page that is neither to be had nor missing: ZEROPAGE does not take a marker where COPY does; an empty pool of huge pages
        // answers EEXIST to everything until a page is freed; and EFAULT comes however often from an address at which the source has no
        // memory, or of a module that does not find what the fault says it has.
        if (request.Streak > 1 && !hasWaited) return Resolution.WaitOut;
        // A minor fault says that the cache has the page; of one that was removed, or left as a hole, what it has is right as it is.
        if (isMinor && (isRemoved || isLeftHole || region.By == ResolveBy.ContinueAsIs))
        {
            request.Content = SourceContent.Bytes;
            if (region.IsProtected && region.Pages.HasRemoved) NoteWrittenBefore(request, region, thread);
            plan = FillPlan.Of(decidedOn, region, request.Run, thread);
            return Resolution.Fill;
        }

        if (!isRemoved && !isLeftHole) return Resolution.Fetch;
        request.Content = SourceContent.Zero;
        plan = FillPlan.Of(decidedOn, region, request.Run, thread, cacheIsEmpty: true, request.CopiesZeros);
        return Resolution.Fill;
    }

    /// <summary>The next step for a request whose content is there.</summary>
    /// <param name="request">The request.</param>
    /// <param name="region">What is registered at its address now.</param>
    /// <param name="decidedOn">Change epoch, looked at before the region was.</param>
    /// <param name="thread">The thread that writes, where content goes in through an alias.</param>
    /// <param name="plan">The fill, if it is one.</param>
    public static Resolution WithContent(
        PageRequest request, ServedRegion region, long decidedOn, MonitorThread thread, out FillPlan plan)
    {
        if (request.Failure is PageLostException)
        {
            // Of a page that is only partly removed the rest is still lost.
            if (!region.Pages.IsRemoved(request.Page, request.Pages))
            {
                plan = FillPlan.Poison(decidedOn, region, request.Run);
                return Resolution.Fill;
            }

            request.Content = SourceContent.Zero;
        }
        else if (region.Pages.HasRemoved)
        {
            // Removed while it was being fetched: the old bytes must not come back.
            request.DropRemoved();
        }

        if (region.By == ResolveBy.Continue && !request.MeetsHole)
        {
            Resolution written = WriteAlias(request, region.Alias!, thread);
            plan = FillPlan.Of(decidedOn, region, request.Run, thread, request.MeetsHole, request.CopiesZeros);
            return written;
        }

        plan = FillPlan.Of(decidedOn, region, request.Run, thread, cacheIsEmpty: true, request.CopiesZeros);
        return Resolution.Fill;
    }

    /// <summary>What follows a fill that has not filled the page.</summary>
    /// <param name="request">The request.</param>
    /// <param name="answer">What its answer says.</param>
    /// <param name="isRemoved">By the events read so far the page was removed.</param>
    public static Resolution After(PageRequest request, FillAnswer answer, bool isRemoved)
    {
        switch (answer)
        {
            case FillAnswer.Present or FillAnswer.Unfit when request.MeetsHole && request.Fill.Kind == FillKind.Copy:
                // The hole is none any more, and what the cache has is mapped as it is; or this memory takes no COPY.
                request.MeetsHole = false;
                request.WasHole = answer == FillAnswer.Present;
                if (request.WasHole) return Resolution.FillAgain;
                request.TakesNoCopy = true;
                request.Region.Alias?.Forget(request.Page);
                return Resolution.FillAgain;
            case FillAnswer.Present or FillAnswer.Gone or FillAnswer.Unreadable:
                return Resolution.Wake;
            case FillAnswer.CopyZeros:
                request.CopiesZeros = true;
                return Resolution.FillAgain;
            case FillAnswer.Hole:
                return AfterHole(request, isRemoved);
            default:
                return answer switch
                {
                    FillAnswer.Unread => Resolution.Defer,
                    FillAnswer.NoMemory => Resolution.WaitOut,
                    FillAnswer.OwnerGone => Resolution.OwnerGone,
                    _ => Resolution.Refuse,
                };
        }
    }

    /// <summary>
    /// CONTINUE has found no page in the cache: a hole was punched. Where we know of it, or a hole raises MISSING, the thread finds out for
    /// itself; else it is filled again.
    /// </summary>
    private static Resolution AfterHole(PageRequest request, bool isRemoved)
    {
        // A hole, and none, and a hole again: another thread punches just now. The page's threads are woken, and fault again if they must.
        if (request.Region.CopiesHoles || isRemoved || request.WasHole) return Resolution.Wake;
        if (request.Region.Alias is not null && request.Pages == 1 && !request.MeetsHole && !request.TakesNoCopy)
        {
            // By COPY. It is refused if the hole was touched meanwhile: where MINOR is registered alone, that raises no fault.
            request.MeetsHole = true;
            return Resolution.FillAgain;
        }

        request.MeetsHole = false;
        request.Region.Alias?.Forget(request.Page);
        return Resolution.WaitOut;
    }

    /// <summary>
    /// A page of the cache that has only left the mapping is about to be mapped protected: that it was open, and so may have been written,
    /// is seen now or never.
    /// </summary>
    private static void NoteWrittenBefore(PageRequest request, ServedRegion region, MonitorThread thread)
    {
        // A push may have mapped the page without its fill having come back yet: content that was written through the alias counts as
        // there.
        bool wasThere = region.Received.Contains(request.Page) || region.Alias?.IsWritten(request.Page) == true;
        bool isKept = region.Pages.IsRemoved(request.Page) && wasThere;
        if (isKept && !thread.HasProtection(request.Address)) region.Pages.Write(request.Page, request.Pages);
    }

    private static Resolution WriteAlias(PageRequest request, AliasPages alias, MonitorThread thread)
    {
        AliasStep step = AliasWriter.Begin(alias, request.Page, request.HasClaim);
        // The background push is at work on it, and will wake the page's threads.
        if (step == AliasStep.Wait) return Resolution.Defer;
        // From here on a crash gives the claim back.
        request.HasClaim = step == AliasStep.Write;
        // A page of zeros is in the cache already, unless a hole was punched, as an earlier attempt may have shown.
        bool takesCopy = request.Pages == 1 && !request.TakesNoCopy;
        bool hasZeros = request.Attempts == 0 || request.Phase == RequestPhase.Populating || takesCopy;
        if (step == AliasStep.Write && !AliasWriter.TryWrite(alias, thread, request.Run, hasZeros))
        {
            // Not mapped in the alias: fault it in like any other memory, which makes a page where there is a hole. Or, where COPY can
            // fill a hole: the alias was populated, and has nothing there any more.
            if (!takesCopy) return Resolution.Populate;
            alias.MarkWritten(request.Page);
            request.MeetsHole = true;
        }

        request.HasClaim = false;
        return Resolution.Fill;
    }
}
