using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model.Inputs;

namespace UffdActors.Linux.Live;

/// <summary>
/// The monitor's thread of a push that has a thread of its own: it makes its calls itself, beside the thread that serves faults.
/// </summary>
internal sealed class LivePushThread(LiveUserfault userfault, IncidentLog incidents) : LiveThread(userfault)
{
    private readonly LiveUserfault _userfault = userfault;
    private LiveBackend? _backend;

    /// <inheritdoc />
    public override long ChangeEpoch => _userfault.Changes;

    /// <inheritdoc />
    public override IPageFill NewFill(PageRequest? request) => new LivePushFill(this, _userfault);

    /// <inheritdoc />
    /// <remarks>Not while the alias is being unmapped: its address may be another mapping's next.</remarks>
    public override bool TryWriteAlias(ulong address, nint bytes, int length)
    {
        lock (_userfault.Filling) return base.TryWriteAlias(address, bytes, length);
    }

    /// <inheritdoc />
    public override void Exit()
    {
        _backend?.Free();
        base.Exit();
    }

    /// <summary>What fills the memory of its region.</summary>
    public LiveBackend BackendOf(LiveTarget target) => _backend ??= LiveBackend.Of(target.Memory.Guest.Backing);

    /// <summary>A call has failed otherwise than by an errno.</summary>
    public void Report(ulong address, Exception e) => incidents.Report(
        new Incident(IncidentKind.BackendFailed, $"{nameof(LiveBackend)} failed at 0x{address:x}: {ForeignText.Of(e)}", e));
}
