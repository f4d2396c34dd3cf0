namespace UffdActors.Bench;

/// <summary>What reads of a page cache of zeros must find.</summary>
internal sealed class ZeroCheck : IContentCheck
{
    public ulong? WordAt(int region, long page, int offset) => 0;
}
