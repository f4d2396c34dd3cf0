using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Worlds;

/// <summary>Clears the write protection of a request's page.</summary>
internal sealed class ModelClear(Caller caller, UserfaultContext context, PageRequest request)
    : WriteProtect(caller, context, request.Address, (ulong)request.Bytes, (ulong)WriteProtectModes.Clear), IMonitorCall
{
    /// <inheritdoc />
    public PageRequest Request { get; } = request;

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }

    // An event that came after the handler's look may have brought another page here.
    protected override Errno BeforeChange() => On.ChangeEpoch != Request.DecidedOn ? Errno.EAGAIN : Request.BeforeWrite();
}
