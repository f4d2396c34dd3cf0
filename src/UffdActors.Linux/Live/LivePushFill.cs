using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Live;

/// <summary>A fill of a push on a thread of its own: issued in the turn in which it was decided. Reusable.</summary>
internal sealed class LivePushFill : IPageFill
{
    private readonly LivePushThread _thread;
    private readonly LiveUserfault _userfault;
    private readonly Action _issue;
    private LiveBackend? _backend;
    private FillSource _source;
    private FillModes _modes;
    private long _decidedOn;

    public LivePushFill(LivePushThread thread, LiveUserfault userfault)
    {
        _thread = thread;
        _userfault = userfault;
        _issue = Issue;
    }

    /// <inheritdoc />
    public PageRequest? Request => null;

    /// <inheritdoc />
    public FillKind Kind { get; private set; }

    /// <inheritdoc />
    public ulong Start { get; private set; }

    /// <inheritdoc />
    public ulong Length { get; private set; }

    /// <inheritdoc />
    public Errno Error { get; private set; }

    /// <inheritdoc />
    public long? Out { get; private set; }

    /// <inheritdoc />
    public void DecideOn(long epoch, bool hasLeftOpen) => _decidedOn = epoch;

    /// <inheritdoc />
    public void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes)
    {
        (Kind, Start, Length, Error, Out) = (kind, start, length, Errno.None, null);
        (_source, _modes) = (source, modes);
    }

    /// <inheritdoc />
    public bool Advance()
    {
        if (_userfault.TargetAt(Start) is not { } target) return End(Errno.ENOENT, null);
        _backend = _thread.BackendOf(target);
        try
        {
            Errno refused = _userfault.Fill(_decidedOn, _issue);
            return refused == Errno.None || End(refused, -(long)refused);
        }
        catch (Exception e)
        {
            _thread.Report(Start, e);
            return End(Errno.EIO, -(long)Errno.EIO);
        }
    }

    private void Issue() => (Error, Out) = _backend!.Fill(_userfault.Uffd, this, _source, _modes);

    private bool End(Errno error, long? result)
    {
        (Error, Out) = (error, result);
        return true;
    }
}
