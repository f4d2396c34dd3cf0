using UffdActors.Abi;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Userfault;

/// <summary>
/// A non-cooperative event on its way: queued at a context until it is read; the call that raised it sleeps as long
/// (SEMANTICS 6.6).
/// </summary>
/// <param name="Kind">What happened.</param>
/// <param name="Word0">Start, or old address.</param>
/// <param name="Word1">End, or new address.</param>
/// <param name="Word2">Length of a remap.</param>
/// <param name="Child">The new context of a fork.</param>
/// <param name="Producer">The call that waits.</param>
internal sealed record ContextEvent(
    UffdEvent Kind, ulong Word0, ulong Word1, ulong Word2, UserfaultContext? Child, Operation Producer)
{
    /// <summary>The message; a fork gets its descriptor when it is read.</summary>
    public UffdMsg ToMessage(uint descriptor) => Kind switch
    {
        UffdEvent.Fork => UffdMsg.Fork(descriptor),
        UffdEvent.Remap => UffdMsg.Remap(Word0, Word1, Word2),
        UffdEvent.Remove => UffdMsg.Remove(Word0, Word1),
        _ => UffdMsg.Unmap(Word0, Word1),
    };
}
