using System.Text.Json;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Dialects;

/// <summary>
/// Firecracker 1.1 to 1.16, and e2b's fork: a JSON array of regions without length or terminator, and one descriptor; e2b may send the
/// memfd of the memory as a second. The size of a page is <c>page_size</c> (since 1.12), else <c>page_size_kib</c> (since 1.7), which has
/// always held bytes, else 4096. Fields that are not known are passed over, and so is what some releases send later.
/// </summary>
internal sealed class FirecrackerDialect : IHandOverDialect
{
    // What the branch for secret hiding sends along: the guest_memfd, and a bitmap of which pages fault.
    private const int SecretHidingDescriptors = 3;

    /// <inheritdoc />
    public bool? Begins(ReadOnlySpan<byte> start)
    {
        foreach (byte next in start)
        {
            if (next is not ((byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')) return next == '[';
        }

        return null;
    }

    /// <inheritdoc />
    public int? FindEnd(ReadOnlySpan<byte> bytes, ref MessageScan scan) => scan.EndOfArray(bytes);

    /// <inheritdoc />
    public HandOverMessage Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> rest, int descriptors)
    {
        if (rest.TrimStart(" \r\n\t"u8) is [(byte)'[', ..])
            throw new HandOverException("Two arrays came in one message; a VMM sends one array with all regions of its guest.");
        using JsonDocument document = LayoutReader.Parse(message);
        JsonElement array = document.RootElement;
        if (descriptors == SecretHidingDescriptors || IsSecretHiding(array))
            throw new HandOverException(
                "This is the hand-over of Firecracker's branch for secret hiding (guest_memfd, three descriptors), which is not served "
                    + "here; use a released Firecracker, 1.1 to 1.16.");
        return new HandOverMessage { Dialect = "firecracker", Regions = LayoutReader.Regions(array, Region) };
    }

    private static bool IsSecretHiding(JsonElement array)
    {
        foreach (JsonElement region in array.EnumerateArray())
        {
            if (region.ValueKind == JsonValueKind.Object && region.TryGetProperty("is_guest_memfd", out _)) return true;
        }

        return false;
    }

    private static HandedRegion Region(JsonElement region, int number) => LayoutReader.Region(
        number,
        LayoutReader.Required(region, number, "base_host_virt_addr"),
        LayoutReader.Required(region, number, "size"),
        LayoutReader.Required(region, number, "offset"),
        LayoutReader.Optional(region, number, "page_size") ?? LayoutReader.Optional(region, number, "page_size_kib") ?? PageSize.Base);
}
