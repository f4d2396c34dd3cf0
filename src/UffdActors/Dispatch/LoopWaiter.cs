namespace UffdActors.Dispatch;

/// <summary>How a loop sleeps, and what it looks at besides its mailboxes. The live world polls descriptors here.</summary>
internal abstract class LoopWaiter
{
    /// <summary>The loop's thread has started; on that thread.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>The loop's thread is about to end; another one may start later. On that thread.</summary>
    public virtual void End()
    {
    }

    /// <summary>True while somebody waits for what it looks at: the loop's thread must not end. On that thread.</summary>
    public virtual bool IsNeeded => false;

    /// <summary>Looks for outside work without blocking; on the loop's thread.</summary>
    /// <returns>True if something was found.</returns>
    public virtual bool Poll() => false;

    /// <summary>Sleeps until kicked, or until the time is over; on the loop's thread. May return early.</summary>
    public abstract void Wait(TimeSpan timeout);

    /// <summary>Ends a sleep, or the next one if none is under way. Any thread.</summary>
    public abstract void Kick();
}
