using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;

namespace UffdActors.Worlds;

/// <summary>Faults a page of the alias in, like any other access.</summary>
internal sealed class ModelPopulate(Caller caller, PageRequest request) : Access(caller), IMonitorCall
{
    /// <inheritdoc />
    public PageRequest Request { get; } = request;

    /// <inheritdoc />
    public Errno Error => Outcome == AccessOutcome.Ok ? Errno.None : Errno.EFAULT;

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }
}
