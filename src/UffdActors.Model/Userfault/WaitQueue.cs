using UffdActors.Model.Memory;

namespace UffdActors.Model.Userfault;

/// <summary>
/// The sleeping threads of a context, one entry for each thread: those whose message is unread, oldest first, and those whose message
/// has been read (SEMANTICS 6.1).
/// </summary>
/// <remarks>
/// The operation itself is the entry, so queueing allocates nothing. The unread ones are a list; all of them are in a hash over pages,
/// which makes waking one page independent of how many threads sleep. (The kernel walks lists, and its fault rate falls with the number of
/// threads for that reason.)
/// </remarks>
internal sealed class WaitQueue
{
    private QueuedFault? _oldestPending;
    private QueuedFault? _newestPending;
    private QueuedFault?[] _buckets = new QueuedFault?[16];

    /// <summary>Threads whose message is unread.</summary>
    public int Pending { get; private set; }

    /// <summary>All sleeping threads.</summary>
    public int Total { get; private set; }

    /// <summary>Adds a thread whose message is to be read.</summary>
    public void Enqueue(QueuedFault fault)
    {
        fault.WaitState = WaitState.Pending;
        if (_newestPending is { } newest)
        {
            fault.PreviousWaiter = newest;
            newest.NextWaiter = fault;
        }
        else
        {
            _oldestPending = fault;
        }

        _newestPending = fault;
        Pending++;
        if (++Total > _buckets.Length) Grow();
        AddToBucket(fault);
    }

    /// <summary>Takes the oldest unread message; its thread sleeps on.</summary>
    public QueuedFault? Read()
    {
        if (_oldestPending is not { } fault) return null;
        Unlink(fault);
        fault.WaitState = WaitState.Read;
        return fault;
    }

    /// <summary>Removes a thread, whichever queue it is in.</summary>
    public void Remove(QueuedFault fault)
    {
        if (fault.WaitState == WaitState.Pending) Unlink(fault);
        fault.WaitState = WaitState.None;
        Total--;
        ref QueuedFault? link = ref _buckets[BucketOf(fault)];
        while (!ReferenceEquals(link, fault)) link = ref NextInBucket(link!);
        link = fault.NextInBucket;
        fault.NextInBucket = null;
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
    public IEnumerable<QueuedFault> Waiters()
    {
        foreach (QueuedFault? head in _buckets)
        {
            for (QueuedFault? a = head; a is not null; a = a.NextInBucket) yield return a;
        }
    }

    private void WakeBucket(int bucket, ulong start, ulong end)
    {
        ref QueuedFault? link = ref _buckets[bucket];
        while (link is { } fault)
        {
            if (fault.MessageAddress < start || fault.MessageAddress >= end)
            {
                link = ref NextInBucket(fault);
                continue;
            }

            if (fault.WaitState == WaitState.Pending) Unlink(fault);
            fault.WaitState = WaitState.None;
            Total--;
            link = fault.NextInBucket;
            fault.NextInBucket = null;
            // Last: after this the fault belongs to its thread again.
            fault.WakeUp();
        }
    }

    private void Unlink(QueuedFault fault)
    {
        if (fault.PreviousWaiter is { } previous) previous.NextWaiter = fault.NextWaiter;
        else _oldestPending = fault.NextWaiter;
        if (fault.NextWaiter is { } next) next.PreviousWaiter = fault.PreviousWaiter;
        else _newestPending = fault.PreviousWaiter;
        fault.PreviousWaiter = fault.NextWaiter = null;
        Pending--;
    }

    private void AddToBucket(QueuedFault fault)
    {
        ref QueuedFault? head = ref _buckets[BucketOf(fault)];
        fault.NextInBucket = head;
        head = fault;
    }

    private void Grow()
    {
        QueuedFault?[] old = _buckets;
        _buckets = new QueuedFault?[old.Length * 2];
        foreach (QueuedFault? head in old)
        {
            for (QueuedFault? fault = head; fault is not null;)
            {
                QueuedFault? next = fault.NextInBucket;
                AddToBucket(fault);
                fault = next;
            }
        }
    }

    private int BucketOf(QueuedFault fault) => Hash(PageSize.PageOf(fault.MessageAddress));

    private int Hash(long page) => GoldenRatio.Bucket((ulong)page, _buckets.Length);

    private static ref QueuedFault? NextInBucket(QueuedFault fault) => ref fault.BucketLink;
}
