using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Userfault;
using UffdActors.Vcpus;

namespace UffdActors.Worlds;

/// <summary>The reader's side of a context of the model.</summary>
internal sealed class ModelDescriptor(UserfaultContext context) : IUffdDescriptor
{
    /// <inheritdoc />
    public bool HasMessages => context.HasMessages;

    /// <inheritdoc />
    public bool TryRead(out UffdMsg message, out FaultTrace? trace)
    {
        bool found = context.TryRead(out message, out QueuedFault? fault, out _);
        trace = (fault as GuestAccess)?.Trace;
        return found;
    }

    /// <inheritdoc />
    public void Wake(ulong start, ulong end) => context.Wake(start, end);

    /// <inheritdoc />
    public bool IsRegistered(long page) => context.Mm.Map.Find(page)?.Context == context;
}
