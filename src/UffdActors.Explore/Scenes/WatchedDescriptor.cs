using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Explore.Scenes;

/// <summary>The reader's side of a context; its events are also recorded apart from the reader.</summary>
internal sealed class WatchedDescriptor(UserfaultContext context, PlainView plain) : IUffdDescriptor
{
    private readonly ModelDescriptor _inner = new(context);

    /// <summary>The context.</summary>
    public UserfaultContext Context => context;

    /// <inheritdoc />
    public bool HasMessages => _inner.HasMessages;

    /// <inheritdoc />
    public bool TryRead(out UffdMsg message, out FaultTrace? trace)
    {
        bool found = _inner.TryRead(out message, out trace);
        if (found) plain.OnEvent(message);
        return found;
    }

    /// <inheritdoc />
    public void Wake(ulong start, ulong end) => _inner.Wake(start, end);

    /// <inheritdoc />
    public void Unmapped(ulong start, ulong end) => plain.Unmap(start, end);

    /// <inheritdoc />
    public bool IsRegistered(long page) => _inner.IsRegistered(page);
}
