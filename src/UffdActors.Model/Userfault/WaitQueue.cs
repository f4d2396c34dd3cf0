using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Model.Userfault;

/// <summary>In which queue a sleeping thread is.</summary>
internal enum WaitState : byte
{
    None,
    Pending,
    Read,
}

/// <summary>
/// The sleeping threads of a context, one entry for each thread: those whose message is unread, oldest first, and those whose message
/// has been read (SEMANTICS 6.1).
/// </summary>
/// <remarks>
/// The access itself is the entry, so queueing allocates nothing. The unread ones are a list; all of them are in a hash over pages, which
/// makes waking one page independent of how many threads sleep. (The kernel walks lists, and its fault rate falls with the number of
/// threads for that reason.)
/// </remarks>
internal sealed class WaitQueue
{
    private Access? _oldestPending;
    private Access? _newestPending;
    private Access?[] _buckets = new Access?[16];

    /// <summary>Threads whose message is unread.</summary>
    public int Pending { get; private set; }

    /// <summary>All sleeping threads.</summary>
    public int Total { get; private set; }

    /// <summary>Adds a thread whose message is to be read.</summary>
    public void Enqueue(Access access)
    {
        access.WaitState = WaitState.Pending;
        if (_newestPending is { } newest)
        {
            access.PreviousWaiter = newest;
            newest.NextWaiter = access;
        }
        else
        {
            _oldestPending = access;
        }

        _newestPending = access;
        Pending++;
        if (++Total > _buckets.Length) Grow();
        AddToBucket(access);
    }

    /// <summary>Takes the oldest unread message; its thread sleeps on.</summary>
    public Access? Read()
    {
        if (_oldestPending is not { } access) return null;
        Unlink(access);
        access.WaitState = WaitState.Read;
        return access;
    }

    /// <summary>Removes a thread, whichever queue it is in.</summary>
    public void Remove(Access access)
    {
        if (access.WaitState == WaitState.Pending) Unlink(access);
        access.WaitState = WaitState.None;
        Total--;
        ref Access? link = ref _buckets[BucketOf(access)];
        while (!ReferenceEquals(link, access)) link = ref NextInBucket(link!);
        link = access.NextInBucket;
        access.NextInBucket = null;
    }

    /// <summary>Removes every thread whose message address lies in the bytes [start, end) and hands it to the context.</summary>
    public void Wake(ulong start, ulong end)
    {
        if (Total == 0) return;
        long first = PageSize.PageOf(start);
        long last = PageSize.PageOf(end - 1);
        if (last - first < _buckets.Length)
        {
            for (long page = first; page <= last; page++) WakeBucket(Hash(page), start, end);
        }
        else
        {
            for (int i = 0; i < _buckets.Length; i++) WakeBucket(i, start, end);
        }
    }

    /// <summary>The sleeping threads, in no particular but a repeatable order; for reports.</summary>
    public IEnumerable<Access> Waiters()
    {
        foreach (Access? head in _buckets)
        {
            for (Access? a = head; a is not null; a = a.NextInBucket) yield return a;
        }
    }

    private void WakeBucket(int bucket, ulong start, ulong end)
    {
        ref Access? link = ref _buckets[bucket];
        while (link is { } access)
        {
            if (access.MessageAddress < start || access.MessageAddress >= end)
            {
                link = ref NextInBucket(access);
                continue;
            }

            if (access.WaitState == WaitState.Pending) Unlink(access);
            access.WaitState = WaitState.None;
            Total--;
            link = access.NextInBucket;
            access.NextInBucket = null;
            // Last, for from here on the access is its thread's.
            access.WakeUp();
        }
    }

    private void Unlink(Access access)
    {
        if (access.PreviousWaiter is { } previous) previous.NextWaiter = access.NextWaiter;
        else _oldestPending = access.NextWaiter;
        if (access.NextWaiter is { } next) next.PreviousWaiter = access.PreviousWaiter;
        else _newestPending = access.PreviousWaiter;
        access.PreviousWaiter = access.NextWaiter = null;
        Pending--;
    }

    private void AddToBucket(Access access)
    {
        ref Access? head = ref _buckets[BucketOf(access)];
        access.NextInBucket = head;
        head = access;
    }

    private void Grow()
    {
        Access?[] old = _buckets;
        _buckets = new Access?[old.Length * 2];
        foreach (Access? head in old)
        {
            for (Access? access = head; access is not null;)
            {
                Access? next = access.NextInBucket;
                AddToBucket(access);
                access = next;
            }
        }
    }

    private int BucketOf(Access access) => Hash(PageSize.PageOf(access.MessageAddress));

    private int Hash(long page) => (int)((ulong)(page * unchecked((long)0x9E37_79B9_7F4A_7C15)) >> 40) & (_buckets.Length - 1);

    private static ref Access? NextInBucket(Access access) => ref access.BucketLink;
}
