using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Userfault;

/// <summary>
/// <c>struct userfaultfd_ctx</c>: features, the queues of sleeping threads and of events, and <c>mmap_changing</c>. Its queues change in
/// its own turns only; flags and counters are published.
/// </summary>
internal sealed class UserfaultContext : Registrant
{
    private readonly WaitQueue _waiters = new();
    private readonly Queue<ContextEvent> _events = new();
    private readonly List<Operation> _readers = [];
    private int _changing;
    private long _changeEpoch;
    private int _references = 1;
    private volatile bool _initialized;

    /// <summary>Makes a context as <c>userfaultfd</c>(2) does; one handle refers to it.</summary>
    public UserfaultContext(AddressSpace mm, UffdOpenFlags flags, int number = 0)
        : base(flags)
    {
        ArgumentNullException.ThrowIfNull(mm);
        Mm = mm;
        Number = number;
    }

    /// <summary>Whether <c>userfaultfd</c>(2) succeeds: handling faults of system calls needs a privilege.</summary>
    /// <returns>Success; EPERM; EINVAL for flags that do not exist.</returns>
    public static Errno CheckOpen(KernelProfile profile, ulong flags)
    {
        ArgumentNullException.ThrowIfNull(profile);
        bool mayCatchAll = profile.Privileged || profile.UnprivilegedUserfaultfd;
        if ((flags & (ulong)UffdOpenFlags.UserModeOnly) == 0 && !mayCatchAll) return Errno.EPERM;
        return (flags & ~(ulong)UffdOpenFlags.All) != 0 ? Errno.EINVAL : Errno.None;
    }

    /// <summary>The address space that it controls, whichever process has its descriptor.</summary>
    public AddressSpace Mm { get; }

    /// <summary>Order of creation; names the context in reports.</summary>
    public int Number { get; }

    /// <summary>Reading an empty queue gives EAGAIN.</summary>
    public bool IsNonBlocking => (OpenFlags & UffdOpenFlags.NonBlock) != 0;

    /// <summary>The handshake is done.</summary>
    public bool IsInitialized => _initialized;

    /// <summary>The last handle has been closed.</summary>
    public bool IsReleased { get; private set; }

    /// <summary>Unread fault messages, as fdinfo counts them.</summary>
    public int Pending => _waiters.Pending;

    /// <summary>Sleeping threads, as fdinfo counts them.</summary>
    public int Total => _waiters.Total;

    /// <summary>Unread events.</summary>
    public int UnreadEvents => _events.Count;

    /// <summary>True while an event is unread: no fill succeeds (<c>mmap_changing</c>).</summary>
    public bool IsChanging => Volatile.Read(ref _changing) > 0;

    /// <summary>
    /// Raised with every event, before it is queued (RING R4). A fill carries the epoch that it was decided in (RING R2).
    /// </summary>
    public long ChangeEpoch => Volatile.Read(ref _changeEpoch);

    /// <summary>Descriptors and sleeping calls that refer to it.</summary>
    public int References => Volatile.Read(ref _references);

    /// <summary>The handshake succeeded.</summary>
    internal void Initialize(UffdFeatures features)
    {
        Features = features;
        _initialized = true;
    }

    /// <summary>The address that a message about an access to a page of some size shows.</summary>
    internal ulong MessageAddress(ulong address, int pageBytes) =>
        (Features & UffdFeatures.ExactAddress) != 0 ? address : address & ~(ulong)(pageBytes - 1);

    /// <summary>One more reference to a context that is open. Any thread.</summary>
    /// <returns>False if it has been closed for the last time.</returns>
    internal bool TryAddReference()
    {
        for (int count = Volatile.Read(ref _references); count > 0; count = Volatile.Read(ref _references))
        {
            if (Interlocked.CompareExchange(ref _references, count + 1, count) == count) return true;
        }

        return false;
    }

    /// <summary>One more reference: a descriptor, or a sleeping call, which delays the release of the context. Any thread.</summary>
    internal void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>One reference fewer. Any thread.</summary>
    /// <returns>True if it was the last: the context is to be released.</returns>
    internal bool RemoveReference() => Interlocked.Decrement(ref _references) == 0;

    /// <summary>Raises <see cref="IsChanging"/> and the epoch. Any thread.</summary>
    internal void BeginChange()
    {
        Interlocked.Increment(ref _changing);
        Interlocked.Increment(ref _changeEpoch);
    }

    /// <summary>Ends what <see cref="BeginChange"/> began. Any thread.</summary>
    internal void EndChange() => Interlocked.Decrement(ref _changing);

    /// <summary>Puts a thread to sleep with a message to be read.</summary>
    internal void Enqueue(QueuedFault fault)
    {
        _waiters.Enqueue(fault);
        NotifyReaders();
    }

    /// <summary>Takes a thread out of the queues (signal).</summary>
    internal void Withdraw(QueuedFault fault)
    {
        if (fault.WaitState != WaitState.None) _waiters.Remove(fault);
    }

    /// <summary>Queues an event; its producer sleeps until it is read.</summary>
    internal void Enqueue(ContextEvent contextEvent)
    {
        _events.Enqueue(contextEvent);
        NotifyReaders();
    }

    /// <summary>
    /// Takes the next message: faults always come before events, whatever their age. Reading an event wakes its producer.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="fault">The sleeping thread of a fault message.</param>
    /// <param name="child">The child's context of a fork message; the reader makes the descriptor for it.</param>
    /// <returns>False if there is nothing to read.</returns>
    public bool TryRead(out UffdMsg message, out QueuedFault? fault, out UserfaultContext? child)
    {
        child = null;
        fault = _waiters.Read();
        if (fault is not null)
        {
            uint threadId = (Features & UffdFeatures.ThreadId) != 0 ? (uint)fault.Caller.ThreadId : 0;
            message = UffdMsg.Pagefault(fault.Flags, fault.MessageAddress, threadId);
            return true;
        }

        if (_events.TryDequeue(out ContextEvent? next))
        {
            message = next.ToMessage((uint)(next.Child?.Number ?? 0));
            child = next.Child;
            next.Producer.Resume();
            return true;
        }

        message = default;
        return false;
    }

    /// <summary>Wakes every thread whose message address lies in the bytes [start, end).</summary>
    internal void Wake(ulong start, ulong end) => _waiters.Wake(start, end);

    /// <summary>True if a read would find a message.</summary>
    internal bool HasMessages => _waiters.Pending > 0 || _events.Count > 0;

    /// <summary>A blocking read found nothing.</summary>
    internal void Park(Operation reader) => _readers.Add(reader);

    /// <summary>A signal ended a blocking read.</summary>
    internal bool Withdraw(Operation reader) => _readers.Remove(reader);

    /// <summary>The last close: from here on no thread sleeps at this context.</summary>
    internal void Release()
    {
        IsReleased = true;
        _waiters.Wake(0, ulong.MaxValue);
        DropEvents();
    }

    /// <summary>The events will not be read any more; the calls that wait for them are woken.</summary>
    internal void DropEvents()
    {
        while (_events.TryDequeue(out ContextEvent? unread)) unread.Producer.Resume();
    }

    /// <summary>The sleeping threads; for reports.</summary>
    public IEnumerable<QueuedFault> Waiters() => _waiters.Waiters();

    /// <inheritdoc />
    public override string ToString() => $"context {Number}";

    private void NotifyReaders()
    {
        if (_readers.Count == 0) return;
        foreach (Operation reader in _readers) reader.Resume();
        _readers.Clear();
    }
}
