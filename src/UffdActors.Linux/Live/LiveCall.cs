using UffdActors.Dispatch;
using UffdActors.Handling;

namespace UffdActors.Linux.Live;

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
            // The request of a page ends with the userfaultfd, and so needs no answer; a push does.
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
            if (Request is null) FaultLoop.Current?.LookNext();
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

    /// <summary>The epoch of the events that have been read: what is decided now holds for it.</summary>
    protected void Restart()
    {
        _isIssued = false;
        _isCompleted = false;
        _epoch = userfault.Epoch;
        Error = Errno.None;
    }
}
