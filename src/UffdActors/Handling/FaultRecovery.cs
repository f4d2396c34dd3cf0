using UffdActors.Dispatch;
using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// Faults that are not being resolved though their threads wait: those that have paused in an outage, and those whose page is held back
/// because handlers crash on it. When they are tried again, and what becomes of them when their page has gone from its address.
/// </summary>
/// <remarks>In turns of the context. A fault that is resolved without trouble never comes here.</remarks>
internal sealed class FaultRecovery(FaultReader reader, OutstandingPages outstanding, CrashingPages crashing, RingTime time)
{
    private long _lastProbed = -1;

    /// <summary>A page that was held back for long enough: its threads fault again.</summary>
    public void HandOutAgain(ulong page)
    {
        if (crashing.TryRelease(page)) reader.Wake(page);
    }

    /// <summary>An outage is over: the threads of the pages that have paused in it fault again.</summary>
    public void Release(Outage outage)
    {
        if (outage == reader.Outages.Crashes) ReleaseHeld();
        foreach (PageRequest request in outstanding.All())
        {
            if (request.Phase == RequestPhase.Paused && request.PausedBy == outage) reader.GiveBack(request);
        }
    }

    /// <summary>The embedder asks for another attempt at everything that was given up.</summary>
    public void Recover()
    {
        reader.Outages.Recover(time.Now);
        crashing.Forgive();
        ReleaseHeld();
        foreach (PageRequest request in outstanding.All())
        {
            if (request.Phase == RequestPhase.Paused) reader.GiveBack(request);
        }
    }

    /// <summary>Tries one of the pages that have paused in an outage, one after the other, by age.</summary>
    /// <returns>False if no probe is to follow.</returns>
    public bool Probe(Outage outage)
    {
        if (reader.Owner.IsGone || !outage.GoOnProbing()) return false;
        if (outage == reader.Outages.Crashes)
        {
            if (crashing.First() is not (ulong page, Waiter waiter)) return true;
            outage.Tried(waiter);
            HandOutAgain(page);
            return true;
        }

        PageRequest? next = null;
        foreach (PageRequest request in outstanding.All())
        {
            if (request.Phase != RequestPhase.Paused || request.PausedBy != outage) continue;
            if (next is null || (request.Id > _lastProbed, -request.Id).CompareTo((next.Id > _lastProbed, -next.Id)) > 0) next = request;
        }

        if (next is null) return true;
        _lastProbed = next.Id;
        outage.Tried(Waiter.Of(next));
        next.Phase = RequestPhase.Deferred;
        next.Handler.Thread.Tell(new RetryRequest(next));
        return true;
    }

    /// <summary>Gives up what has paused, or is held back, at an address where its page is not any more.</summary>
    public void DropGone()
    {
        // What a handler has paused by the view of before is seen here, or the handler sees the view of now.
        Interlocked.MemoryBarrier();
        foreach (PageRequest request in outstanding.All())
        {
            if (request.Phase != RequestPhase.Paused || reader.IsServed(Waiter.Of(request))) continue;
            reader.Outages.Forget(Waiter.Of(request), time.Now);
            reader.GiveBack(request);
        }

        foreach ((ulong address, Waiter waiter) in crashing.All())
        {
            if (reader.IsServed(waiter)) continue;
            reader.Outages.Crashes.Forget(waiter, time.Now);
            HandOutAgain(address);
        }
    }

    /// <summary>
    /// A call of the embedder has made pages accessible, and the kernel has woken their threads: what had paused there is waited for by
    /// none of them any more, and must not be taken for an answer to the next fault.
    /// </summary>
    public void Settle(int region, PageRange pages)
    {
        foreach (PageRequest request in outstanding.All())
        {
            bool isThere = request.Region.Id == region && request.Page < pages.End && request.Page + request.Pages > pages.Start;
            if (request.Phase != RequestPhase.Paused || !isThere) continue;
            reader.Outages.Forget(Waiter.Of(request), time.Now);
            reader.GiveBack(request);
        }
    }

    private void ReleaseHeld()
    {
        foreach (ulong page in crashing.ReleaseAll()) reader.Wake(page);
    }
}
