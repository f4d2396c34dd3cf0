using System.Globalization;

namespace UffdActors.Kvm.Machine;

/// <summary>Puts the end of a vCPU into words: which vCPU, what, where, and which page.</summary>
internal static class EndText
{
    /// <summary>An end with its message.</summary>
    /// <param name="vcpu">vCPU.</param>
    /// <param name="kind">How it has ended.</param>
    /// <param name="what">The same in words, to follow "vCPU 3".</param>
    /// <param name="rip">Where; null if not known.</param>
    /// <param name="address">Guest address that it is about; null if none.</param>
    /// <param name="map">Memory of the machine.</param>
    public static VcpuEnd Of(int vcpu, VcpuEndKind kind, string what, ulong? rip, ulong? address, MemoryMap map)
    {
        string where = rip is { } at ? string.Create(CultureInfo.InvariantCulture, $" at rip 0x{at:x}") : "";
        (GuestRegion Region, long Page)? place = address is { } known ? map.Find(known) : null;
        string about = address is not { } a ? ""
            : place is var (region, page) ? string.Create(
                CultureInfo.InvariantCulture, $", guest address 0x{a:x} (region {region.Id}, page {page})")
            : string.Create(CultureInfo.InvariantCulture, $", guest address 0x{a:x} (no memory)");
        return new VcpuEnd(vcpu, kind, string.Create(CultureInfo.InvariantCulture, $"vCPU {vcpu} {what}{where}{about}."))
        {
            Rip = rip,
            Address = address,
            Region = place?.Region.Id,
            Page = place?.Page,
        };
    }
}
