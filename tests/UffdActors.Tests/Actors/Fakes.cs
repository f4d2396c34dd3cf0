using System.Collections.Concurrent;
using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Dispatch;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Tests.Actors;

/// <summary>A clock that stands still, and timers that are only noted.</summary>
internal sealed class ManualTime : RingTime
{
    private readonly List<(IActorRef, object)> _messages = [];

    public IReadOnlyList<(IActorRef Target, object Message)> Messages
    {
        get
        {
            lock (_messages) return [.. _messages];
        }
    }

    public override long Now => 0;

    public override void After(TimeSpan delay, IActorRef target, object message)
    {
        lock (_messages) _messages.Add((target, message));
    }
}

/// <summary>A thread whose calls end at once, with the errno that the test says.</summary>
internal sealed class FakeThread : MonitorThread
{
    private readonly List<(FillKind, ulong, ulong, FillSource)> _fills = [];

    public Errno Error { get; set; }

    public bool HasExited { get; private set; }

    public IReadOnlyList<(FillKind Kind, ulong Start, ulong Length, FillSource Source)> Fills
    {
        get
        {
            lock (_fills) return [.. _fills];
        }
    }

    public override void Exit() => HasExited = true;

    public override IPageFill NewFill(PageRequest? request) => new FakeFill(this, request);

    public override IMonitorCall ClearProtection(PageRequest request) => new FakeFill(this, request);

    public override IMonitorCall PopulateAlias(PageRequest request, ulong address) => new FakeFill(this, request);

    public bool AliasIsMapped { get; set; } = true;

    public List<(ulong Address, nint Bytes, int Length)> AliasWrites { get; } = [];

    /// <summary>Pages of whose write protection the page table knows; null for all.</summary>
    public HashSet<ulong>? Protected { get; set; }

    public override bool TryWriteAlias(ulong address, nint bytes, int length)
    {
        if (AliasIsMapped) AliasWrites.Add((address, bytes, length));
        return AliasIsMapped;
    }

    public override (bool IsMapped, bool IsProtected)? EntryOf(ulong address) =>
        Protected is { } marked ? (false, marked.Contains(address)) : null;

    public override void Wake(ulong start, ulong length)
    {
    }

    private sealed class FakeFill(FakeThread thread, PageRequest? request) : IPageFill
    {
        public PageRequest? Request => request;

        public Errno Error => thread.Error;

        public FillKind Kind { get; private set; }

        public ulong Start { get; private set; }

        public ulong Length { get; private set; }

        public long? Out => Error == Errno.None ? (long)Length : -(long)Error;

        public void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes)
        {
            (Kind, Start, Length) = (kind, start, length);
            lock (thread._fills) thread._fills.Add((kind, start, length, source));
        }

        // A request's fill that succeeds ends at the context; every other end is the caller's.
        public bool Advance() => request is null || Error != Errno.None;
    }
}

/// <summary>A userfaultfd that says what the test has put in.</summary>
internal sealed class FakeDescriptor : IUffdDescriptor
{
    private readonly ConcurrentQueue<ulong> _woken = new();

    public ConcurrentQueue<UffdMsg> Messages { get; } = new();

    public IReadOnlyCollection<ulong> Woken => _woken;

    public bool HasMessages => !Messages.IsEmpty;

    public bool TryRead(out UffdMsg message, out FaultTrace? trace)
    {
        trace = null;
        return Messages.TryDequeue(out message);
    }

    public void Wake(ulong start, ulong end) => _woken.Enqueue(start);

    public bool IsRegistered(long page) => true;
}

/// <summary>A userfaultfd that holds messages which no poll has shown yet.</summary>
internal sealed class UnpolledDescriptor : IOwnedDescriptor
{
    private bool _looked;

    public ConcurrentQueue<UffdMsg> Unpolled { get; } = new();

    public bool HasMessages => _looked && !Unpolled.IsEmpty;

    public void Open(IActorRef actor)
    {
    }

    public void Close()
    {
    }

    public void Look() => _looked = true;

    public bool TryRead(out UffdMsg message, out FaultTrace? trace)
    {
        trace = null;
        bool found = Unpolled.TryDequeue(out message);
        _looked = !Unpolled.IsEmpty;
        return found;
    }

    public void Wake(ulong start, ulong end)
    {
    }

    public bool IsRegistered(long page) => true;
}

/// <summary>The way to somebody who never answers.</summary>
internal sealed class SilentPort : Port
{
    private int _sent;

    public int Sent => Volatile.Read(ref _sent);

    public override void Send(Operation operation) => Interlocked.Increment(ref _sent);

    public override Port Spawn(Owner child) => this;
}
