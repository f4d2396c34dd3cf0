using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>
/// Where vCPUs write, and what: each has its own lane of eight bytes in every page, so the content of a page is exact whatever the order
/// of writes of different vCPUs was.
/// </summary>
public static class GuestLayout
{
    /// <summary>Bytes of a lane.</summary>
    public const int LaneBytes = 8;

    /// <summary>vCPUs that a page has lanes for; the upper half of a page is never written.</summary>
    public const int MaxVcpus = PageSize.Base / LaneBytes / 2;

    /// <summary>Offset of a vCPU's lane in a page.</summary>
    public static int LaneOf(int vcpu) => vcpu * LaneBytes;

    /// <summary>Offset of a lane that is never written, for reads that know what they must find.</summary>
    public static int ReadOnlyLaneOf(long page) => (MaxVcpus + (int)((GoldenRatio.ShortHash((ulong)page) >> 16) % MaxVcpus)) * LaneBytes;

    /// <summary>What a vCPU writes in its n-th access.</summary>
    public static ulong ValueOf(int vcpu, long access) => (((ulong)vcpu + 1) << 48) | ((ulong)access + 1);
}
