namespace UffdActors.Bench;

/// <summary>Expected values of reads from a page cache of zeros.</summary>
internal sealed class ZeroCheck : IContentCheck
{
    public ulong? WordAt(int region, long page, int offset) => 0;
}
