using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.World;

/// <summary>A monitor's thread on the kernel: its calls travel to the backend that issues them, and back.</summary>
internal sealed class LiveThread(LiveUserfault userfault) : MonitorThread
{
    /// <inheritdoc />
    public override IPageFill NewFill(PageRequest? request) => new LiveFill(this, userfault, request);

    /// <inheritdoc />
    public override IMonitorCall ClearProtection(PageRequest request) => new LiveClear(this, userfault, request);

    /// <inheritdoc />
    public override IMonitorCall PopulateAlias(PageRequest request, ulong address) => new LivePopulate(this, userfault, request, address);

    /// <inheritdoc />
    public override bool TryWriteAlias(ulong address, nint bytes, int length)
    {
        if (userfault.AliasAt(address) is not { } alias) return false;
        long offset = (long)(address - alias.Address);
        // A base page is mapped by the write itself. With the pool of huge pages empty a write into a hole would end the process (SIGBUS):
        // where that can be, the page is asked for first, which gives an errno.
        if (length > PageSize.Base && alias.Advise(offset, length, MemoryAdvice.PopulateWrite) != Errno.None) return false;
        alias.WriteFrom(offset, bytes, length);
        return true;
    }

    /// <inheritdoc />
    public override bool HasProtection(ulong address) => userfault.HasProtection(address);

    /// <inheritdoc />
    public override void Wake(ulong start, ulong length) => userfault.Descriptor.Wake(start, start + length);
}

/// <summary>
/// A call on its way: handler (or push), backend, and then the context if it fills a request's page and has succeeded, else back.
/// </summary>
internal abstract class LiveCall(LiveThread thread, LiveUserfault userfault, PageRequest? request) : IMonitorCall
{
    private bool _isIssued;
    private bool _isCompleted;
    private long _epoch;

    /// <inheritdoc />
    public PageRequest? Request { get; } = request;

    /// <inheritdoc />
    public Errno Error { get; protected set; }

    /// <summary>First address.</summary>
    public ulong Start { get; protected set; }

    /// <summary>The userfaultfd on which it is made.</summary>
    protected LiveUserfault Userfault => userfault;

    /// <summary>True if a call that has succeeded is over for the handler, and the context completes its request.</summary>
    protected virtual bool CompletesAtContext => false;

    /// <inheritdoc />
    public bool Advance()
    {
        if (_isCompleted)
        {
            Request!.Complete();
            return false;
        }

        if (_isIssued) return true;
        if (userfault.TargetAt(Start) is not { } target)
        {
            Error = Errno.ENOENT;
            return true;
        }

        target.Backend.Tell(this);
        return false;
    }

    /// <summary>Issues the call and sends it on. In a turn of the backend.</summary>
    public void Run(LiveBackend backend)
    {
        _isIssued = true;
        if (userfault.IsClosed)
        {
            // Nobody waits any more for a page that was asked for through it; a push is told.
            Fail(Errno.EBADF);
            if (Request is null) thread.Tell(this);
            return;
        }

        try
        {
            if (_epoch == userfault.Epoch) Issue(backend);
            else Fail(Errno.EAGAIN);
        }
        catch
        {
            Fail(Errno.EIO);
            throw;
        }
        finally
        {
            if (Error == Errno.None) Request?.StampInstalledAndWoken();
            _isCompleted = Error == Errno.None && CompletesAtContext;
            if (_isCompleted) userfault.Tell(this);
            else thread.Tell(this);
        }
    }

    /// <summary>The call was not made, or its outcome is not known.</summary>
    public virtual void Fail(Errno error) => Error = error;

    /// <summary>The ioctl.</summary>
    protected abstract void Issue(LiveBackend backend);

    /// <summary>What is decided now is decided on the events read so far.</summary>
    protected void Restart()
    {
        _isIssued = false;
        _isCompleted = false;
        _epoch = userfault.Epoch;
        Error = Errno.None;
    }
}

/// <summary>A fill. Reusable.</summary>
internal sealed class LiveFill(LiveThread thread, LiveUserfault userfault, PageRequest? request)
    : LiveCall(thread, userfault, request), IPageFill
{
    /// <inheritdoc />
    public FillKind Kind { get; private set; }

    /// <inheritdoc />
    public ulong Length { get; private set; }

    /// <summary>Where the bytes are.</summary>
    public FillSource Source { get; private set; }

    /// <summary>Whether to write-protect in the same call.</summary>
    public FillModes Modes { get; private set; }

    /// <inheritdoc />
    public long? Out { get; private set; }

    protected override bool CompletesAtContext => Request is not null;

    /// <inheritdoc />
    public void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes)
    {
        Restart();
        Kind = kind;
        Start = start;
        Length = length;
        Source = source;
        Modes = modes;
        Out = null;
    }

    /// <inheritdoc />
    public override void Fail(Errno error)
    {
        base.Fail(error);
        Out = -(long)error;
    }

    protected override void Issue(LiveBackend backend) => (Error, Out) = backend.Fill(Userfault.Uffd, this);
}

/// <summary>Clears the write protection of a request's page.</summary>
internal sealed class LiveClear : LiveCall
{
    public LiveClear(LiveThread thread, LiveUserfault userfault, PageRequest request)
        : base(thread, userfault, request)
    {
        Restart();
        Start = request.Address;
    }

    protected override void Issue(LiveBackend backend)
    {
        Error = Request!.BeforeWrite();
        if (Error == Errno.None) Error = Userfault.Uffd.WriteProtect(Start, backend.PageBytes, WriteProtectModes.Clear).Error;
    }
}

/// <summary>
/// Maps a page of the alias, which makes one of zeros where a hole was punched. Content needs no such call, for a write maps the page by
/// itself.
/// </summary>
internal sealed class LivePopulate : LiveCall
{
    private readonly ulong _address;

    public LivePopulate(LiveThread thread, LiveUserfault userfault, PageRequest request, ulong address)
        : base(thread, userfault, request)
    {
        Restart();
        Start = request.Address;
        _address = address;
    }

    protected override void Issue(LiveBackend backend)
    {
        // The alias is never registered, so nobody has to resolve what this faults in.
        GuestMemory alias = Userfault.AliasAt(_address)!;
        Error = alias.Advise((long)(_address - alias.Address), backend.PageBytes, MemoryAdvice.PopulateRead);
    }
}
