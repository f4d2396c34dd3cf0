using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Scenes;

/// <summary>The access of an embedder's reader: looks at a page from outside, without a fault.</summary>
internal class Peek(Caller thread, ulong address) : ControlOperation(thread)
{
    /// <summary>True if the page is there.</summary>
    public bool IsFound { get; private set; }

    /// <summary>Its first eight bytes.</summary>
    public ulong Value { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        byte[] bytes = new byte[sizeof(ulong)];
        IsFound = TryRead(PageSize.PageOf(address), bytes);
        Value = BitConverter.ToUInt64(bytes);
        yield break;
    }

    /// <summary>Looks, in a turn of the thread.</summary>
    [MutationPoint("RING S10")]
    internal virtual bool TryRead(long page, Span<byte> destination) => DirectRead.TryReadPage(Caller, page, withCache: true, destination);
}
