using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Live;

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

    protected override void Issue(LiveBackend backend) => (Error, Out) = backend.Fill(Userfault.Uffd, this, Source, Modes);
}
