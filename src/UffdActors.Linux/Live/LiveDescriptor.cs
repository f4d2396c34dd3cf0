using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.Watching;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>
/// The reader's side of a userfaultfd of the kernel. The context's actor owns it: it is polled from the actor's start on, and closed when
/// the actor ends.
/// </summary>
internal sealed class LiveDescriptor : IOwnedDescriptor, IPolled
{
    private const int MessagesPerRead = 64;
    // Reads of one turn that have found as much as they can: behind them others have theirs.
    private const int MostFullReads = 4;
    private const UffdFeatures Events = UffdFeatures.EventFork | UffdFeatures.EventRemap | UffdFeatures.EventRemove
        | UffdFeatures.EventUnmap;

    private readonly LiveKernel _kernel;
    private readonly bool _isAdopted;
    private readonly EventJournal? _journal;
    private readonly MessageBatch _batch;
    private readonly int _messagesPerRead;
    private readonly PageRanges _registered = new();
    private readonly IReadOnlyList<PageRange> _foundRemoved;
    private IActorRef _actor = ActorRefs.Nobody;
    private int _next;
    private int _nextFound;
    private FaultReader? _reader;
    private int _fullReads;
    private bool _readable;
    private bool _hasFound;
    private bool _isMuted;
    private bool _lacksDescriptors;
    private int _tries;
    private long _nextTry;
    private Func<Absence> _absence = static () => default;
    private volatile bool _isClosed;
    private ClosingReason _reason;

    public LiveDescriptor(UffdDescriptor uffd, LiveKernel kernel, BoardSlot? slot, AdoptedUserfault? adopted)
    {
        _isAdopted = adopted is not null;
        IsOfOtherProcess = adopted?.IsOfAnother ?? false;
        Features = adopted is null ? uffd.Features : uffd.ReadFdInfo().Features;
        _journal = adopted?.Journal;
        _messagesPerRead = _journal?.Capacity ?? MessagesPerRead;
        _batch = _journal is null ? new MessageBatch(MessagesPerRead) : new MessageBatch(_journal.Messages, _messagesPerRead);
        _foundRemoved = adopted?.Removed ?? [];
        _hasFound = _journal is not null || _foundRemoved.Count > 0;
        Uffd = uffd;
        Slot = slot;
        _kernel = kernel;
    }

    /// <summary>The kernel's object.</summary>
    public UffdDescriptor Uffd { get; }

    /// <summary>What was asked for in its handshake.</summary>
    public UffdFeatures Features { get; }

    /// <summary>True if forks of the process come as events.</summary>
    public bool ReportsForks => (Features & UffdFeatures.EventFork) != 0;

    /// <summary>Children of the process, as they come with its forks.</summary>
    public ForkedChildren Children { get; } = new();

    /// <summary>True if events come at all.</summary>
    public bool ReportsEvents => (Features & Events) != 0;

    /// <summary>
    /// Held while a push on a thread of its own decides that its call is still right, and makes it: what would make it wrong is done in
    /// between.
    /// </summary>
    public Lock Filling { get; } = new();

    /// <summary>True if it acts on the memory of another process, which is then the guest.</summary>
    public bool IsOfOtherProcess { get; }

    /// <summary>True if a fault of a thread has been read that is no vCPU of the VM.</summary>
    public bool HasMetOthers { get; private set; }

    /// <summary>True once its actor has ended: no call is made on it any more, whether it has been closed or left open.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Why it is closed.</summary>
    public ClosingReason Reason => _reason;

    /// <summary>What it still owes its guest.</summary>
    public Absence Absence => _absence();

    /// <inheritdoc />
    public BoardSlot? Slot { get; }

    /// <inheritdoc />
    public FaultWatch? Watch => Slot;

    /// <inheritdoc />
    public int Room { get; set; } = int.MaxValue;

    /// <inheritdoc />
    public bool HasMessages => _readable || _next < _batch.Count || _hasFound;

    /// <inheritdoc />
    public void Open(IActorRef actor)
    {
        _actor = actor;
        _kernel.Waiter.Add(Uffd.Handle, this);
    }

    /// <inheritdoc />
    public void OnReadable()
    {
        // Told once, until it has been read. That may be much later, or never; the descriptor is muted meanwhile so that the loop does not
        // spin.
        if (_readable)
        {
            Mute(true);
            return;
        }

        _readable = true;
        _actor.Tell(VmProtocol.Readable.Instance, ActorRefs.NoSender);
    }

    /// <inheritdoc />
    /// <remarks>A read that finds nothing is cheaper than a poll that reports the descriptor.</remarks>
    public void Look() => _readable = true;

    /// <inheritdoc />
    public bool TryRead(out UffdMsg message, out FaultTrace? trace)
    {
        trace = null;
        // First of all: a page that an earlier process was told is removed must not be filled from the source by this one.
        if (_hasFound)
        {
            if (_nextFound < _foundRemoved.Count)
            {
                PageRange found = _foundRemoved[_nextFound++];
                message = UffdMsg.Remove(PageSize.AddressOf(found.Start), PageSize.AddressOf(found.End));
                return true;
            }

            if (_journal?.TryNextFound(out ulong start, out ulong end) == true)
            {
                message = UffdMsg.Remove(start, end);
                return true;
            }

            _hasFound = false;
        }

        if (_next == _batch.Count && !Read())
        {
            message = default;
            return false;
        }

        message = _batch[_next++];
        switch (message.Event)
        {
            case UffdEvent.Pagefault:
                if (_kernel.VcpuOf(message.ThreadId) is { } vcpu) trace = vcpu.OnFault(message);
                else HasMetOthers = true;
                break;
            case UffdEvent.Fork:
                // The events before this one have been applied: the reader takes one message after the other.
                Children.Add((int)message.ForkDescriptor, _reader?.View.Removed());
                break;
            case UffdEvent.Unmap:
                _registered.Remove(new PageRange(PageSize.PageOf(message.Start), PageSize.PageOf(message.End)));
                break;
            case UffdEvent.Remap:
                _registered.Remove(PageRange.OfBytes(message.From, message.Length));
                _registered.Add(PageRange.OfBytes(message.To, message.Length));
                break;
        }

        return true;
    }

    /// <inheritdoc />
    public void Wake(ulong start, ulong end)
    {
        Errno error = Uffd.Wake(start, (long)(end - start));
        if (error != Errno.None)
            throw new UffdException(
                "UFFDIO_WAKE", error, $"{KernelErrors.Explain("UFFDIO_WAKE", error)} (0x{start:x}, {end - start} bytes)");
    }

    /// <inheritdoc />
    public bool IsRegistered(long page) => _registered.Contains(page);

    /// <inheritdoc />
    public bool MayFaultAt(PageRange pages) => _kernel.Waiter.MayFaultAt(pages);

    /// <summary>True if this process may raise a fault on it by reading one of the pages.</summary>
    public bool Covers(PageRange pages) => !IsOfOtherProcess && !_isClosed && _registered.Intersects(pages);

    /// <inheritdoc />
    public void Unmapped(ulong start, ulong end) => _registered.Remove(new PageRange(PageSize.PageOf(start), PageSize.PageOf(end)));

    /// <summary>UFFDIO_REGISTER. Any thread.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="modes">Faults to deliver.</param>
    /// <param name="known">What the kernel has reported of an earlier registration, which stands; null to make the call.</param>
    /// <param name="ioctls">What it reports.</param>
    public Errno Register(GuestMemory memory, RegisterModes modes, UffdIoctls? known, out UffdIoctls ioctls)
    {
        ioctls = known ?? UffdIoctls.None;
        Errno error = known is null ? Uffd.Register(memory.Address, memory.Bytes, modes, out ioctls) : Errno.None;
        if (error == Errno.None) _registered.Add(PageRange.OfBytes(memory.Address, (ulong)memory.Bytes));
        return error;
    }

    /// <summary>
    /// UFFDIO_UNREGISTER, and UFFDIO_WAKE where that wakes no thread (SEMANTICS 3.4.3). In a turn of the loop, so that no message is read
    /// in between.
    /// </summary>
    public Errno Unregister(ulong start, ulong end, RegisterModes modes)
    {
        Errno error = Uffd.Unregister(start, (long)(end - start));
        if (error != Errno.None) return error;
        _registered.Remove(new PageRange(PageSize.PageOf(start), PageSize.PageOf(end)));
        if ((modes & RegisterModes.Missing) == 0) Wake(start, end);
        return Errno.None;
    }

    /// <summary>Who applies its events from now on; before the first is read.</summary>
    public void Serves(FaultReader reader) => _reader = reader;

    /// <summary>Says why it is to be closed, and what is absent then.</summary>
    public void Ask(Func<Absence> absence) => _absence = absence;

    /// <summary>Says why it is closed; else its VM has failed, or ends.</summary>
    public void Closes(ClosingReason reason) => _reason = reason;

    /// <inheritdoc />
    public void Close()
    {
        _kernel.Waiter.Remove(Uffd.Handle, this);
        Slot?.Free();
        lock (Filling) _isClosed = true;
        // The close wakes waiting threads into pages of zeros; vCPUs must not go on with them.
        if (_reason != ClosingReason.NothingIsAbsent) _kernel.HaltGuest();
        // The child of a FORK that is never read would find zeros after the close. Read before looking for faults of other threads, which
        // reads the batch once more.
        bool isHeard = !ReportsForks || TryReadForks();
        if (!IsOfOtherProcess && !HasMetOthers) MeetUnread();
        if (isHeard) _kernel.CloseOrLeave(this);
        else KeepOpen();
        _batch.Dispose();
    }

    /// <summary>
    /// Leaves it open for as long as the process lives. One that was adopted may be read by others from now on, so it is not read here.
    /// </summary>
    public void KeepOpen()
    {
        NoteRemoved();
        if (!_isAdopted && (Features & Events) != 0) LeftOpen.KeepReading(Uffd, Children, OnUnreadable);
        else LeftOpen.Keep(Uffd);
    }

    private void OnUnreadable(SyscallException e) => _kernel.Context.Incidents.Report(new Incident(
        IncidentKind.EventNotRead,
        $"The events of userfaultfd {Uffd.Handle.Number} of {_kernel.Context.Name}, which was left open, cannot be read any more "
            + $"({e.Error}): a thread that forks or unmaps waits until this process ends.",
        e));

    // Faults that are still unread may be of other threads, too. What is read here is not resolved any more: the threads sleep on, or are
    // woken when the descriptor is closed.
    private void MeetUnread()
    {
        do
        {
            while (_next < _batch.Count)
            {
                UffdMsg message = _batch[_next++];
                HasMetOthers |= message.Event == UffdEvent.Pagefault && _kernel.VcpuOf(message.ThreadId) is null;
            }

            _next = 0;
        }
        while (_kernel.HasVcpus && Uffd.ReadFdInfo().Pending > 0 && Uffd.Read(_batch) == Errno.None && _batch.Count > 0);
    }

    private bool Read()
    {
        if (!_readable) return false;
        // A flood of events has no end as long as it is read. What was read is handed on, and the rest read in a later turn; a fill
        // meanwhile is refused by the kernel as long as an event is unread (EAGAIN).
        if (_fullReads == MostFullReads)
        {
            _fullReads = 0;
            _actor.Tell(VmProtocol.Readable.Instance, ActorRefs.NoSender);
            return false;
        }

        _next = 0;
        _journal?.BeginRead();
        Errno error = Uffd.Read(_batch, Room);
        _journal?.EndRead(_batch.Count);
        if (error is Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM)
        {
            WaitForDescriptors(error);
            return false;
        }

        if (error == Errno.EAGAIN) _lacksDescriptors = false;
        // A read that returns less than it could has found the queue empty, or a fork that it has no descriptor for: the next read tells.
        bool isFull = _batch.Count == Math.Min(_messagesPerRead, Room);
        _readable = isFull || _lacksDescriptors;
        _fullReads = isFull ? _fullReads + 1 : 0;
        if (!_lacksDescriptors) Mute(false);
        if (error is not (Errno.None or Errno.EAGAIN)) throw new SyscallException("read(userfaultfd)", error);
        return _batch.Count > 0;
    }

    // The event stays queued, behind what has come since, and the descriptor readable. So it is polled no more but read after a while:
    // faults come first.
    private void WaitForDescriptors(Errno error)
    {
        _readable = false;
        Mute(true);
        if (!_lacksDescriptors)
        {
            _lacksDescriptors = true;
            _tries = 0;
            _kernel.Context.Incidents.Report(new Incident(
                IncidentKind.EventNotRead,
                $"A fork cannot be reported by userfaultfd {Uffd.Handle.Number} of {_kernel.Context.Name}, for {Lack(error)} ({error}). "
                    + $"The fork and the pages that are waited for have to wait until it can; it is tried again and again."));
        }

        long now = _kernel.Context.Time.Now;
        if (now < _nextTry) return;
        TimeSpan delay = Backoff.Delay(_tries++, Uffd.Handle.Number);
        _nextTry = now + (long)delay.TotalNanoseconds;
        _kernel.Context.Time.After(delay, _actor, VmProtocol.LookAgain.Instance);
    }

    private static string Lack(Errno error) => error switch
    {
        Errno.EMFILE =>
            "this process has as many descriptors open as it may, and the child's needs one: close some, or raise RLIMIT_NOFILE "
            + "(ulimit -n)",
        Errno.ENFILE =>
            "this machine has as many files open as it may, and the child's descriptor needs one: close some, or raise fs.file-max",
        _ => "there is no memory for the child's descriptor: free some",
    };

    /// <summary>Keeps the children whose FORK is still unread: with the end of this descriptor they would find zeros.</summary>
    /// <returns>False if one cannot be read, and the descriptor has to stay open for its sake.</returns>
    private bool TryReadForks()
    {
        Errno error = Errno.None;
        NoteRemoved();
        do
        {
            for (; _next < _batch.Count; _next++)
            {
                if (_batch[_next].Event == UffdEvent.Pagefault) HasMetOthers |= _kernel.VcpuOf(_batch[_next].ThreadId) is null;
                if (_batch[_next].Event == UffdEvent.Remove) Children.Remove(_batch[_next].Start, _batch[_next].End);
                if (_batch[_next].Event != UffdEvent.Fork) continue;
                Children.Add((int)_batch[_next].ForkDescriptor);
                _kernel.Context.Incidents.Report(Incident.OfFork());
            }

            _next = 0;
            error = Uffd.Read(_batch);
        }
        while (error == Errno.None);
        if (error == Errno.EAGAIN) return true;
        _kernel.Context.Incidents.Report(new Incident(
            IncidentKind.EventNotRead,
            $"Userfaultfd {Uffd.Handle.Number} of {_kernel.Context.Name} is left open until this process ends: a fork waits to be "
                + $"reported, for which {Lack(error)} ({error}); closing it would show the child zeros."));
        return false;
    }

    // Events are applied to no view from here on; a child that comes yet has what was removed before them.
    private void NoteRemoved()
    {
        foreach (PageRange removed in _reader?.View.Removed() ?? [])
            Children.Remove(PageSize.AddressOf(removed.Start), PageSize.AddressOf(removed.End));
    }

    private void Mute(bool isMuted)
    {
        if (isMuted == _isMuted) return;
        _isMuted = isMuted;
        _kernel.Waiter.SetMuted(Uffd.Handle, isMuted);
    }
}
