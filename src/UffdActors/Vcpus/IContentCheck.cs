namespace UffdActors;

/// <summary>
/// What a read of the guest must find. It is asked by the vCPU's own thread after each read, so it must not block, and must not touch guest
/// memory.
/// </summary>
public interface IContentCheck
{
    /// <summary>The eight bytes at an offset of a page that no vCPU writes; null if that is not known.</summary>
    /// <param name="region">Number of the region.</param>
    /// <param name="page">Base page of the region.</param>
    /// <param name="offset">Byte within the page, a multiple of eight.</param>
    ulong? WordAt(int region, long page, int offset);
}
