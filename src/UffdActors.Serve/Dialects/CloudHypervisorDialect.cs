using System.Buffers.Binary;
using System.Text.Json;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Dialects;

/// <summary>
/// The hand-off that is proposed for Cloud Hypervisor (#8657; not released, may change): a length of four bytes, little-endian, then a JSON
/// object of type <c>handoff</c> and one descriptor. It wants one byte as an answer within two seconds. It names no size of pages: 4096.
/// </summary>
internal sealed class CloudHypervisorDialect : IHandOverDialect
{
    private const int Prefix = sizeof(uint);
    private const int MostBytes = HandOverMessage.MaxBytes - Prefix;

    private static readonly Dictionary<string, RegisterModes> Modes = new(StringComparer.Ordinal)
    {
        ["MISSING"] = RegisterModes.Missing,
        ["WP"] = RegisterModes.WriteProtect,
        ["WP_UNPOPULATED"] = RegisterModes.WriteProtect,
        ["WP_ASYNC"] = RegisterModes.WriteProtect,
    };

    /// <inheritdoc />
    /// <remarks>The upper half of a length that is allowed is zero, which no byte of JSON is: so an array is never taken for one.</remarks>
    public bool? Begins(ReadOnlySpan<byte> start) => start.Length switch
    {
        <= 2 => null,
        3 => start[2] == 0 ? null : false,
        4 => start[2] == 0 && start[3] == 0 ? null : false,
        _ => start[2] == 0 && start[3] == 0 && start[Prefix] == '{',
    };

    /// <inheritdoc />
    public int? FindEnd(ReadOnlySpan<byte> bytes, ref MessageScan scan)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length > MostBytes)
            throw new HandOverException($"The first message says that it has {length} bytes; {MostBytes} are the limit.");
        return bytes.Length >= Prefix + (int)length ? Prefix + (int)length : null;
    }

    /// <inheritdoc />
    public HandOverMessage Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> rest, int descriptors)
    {
        using JsonDocument document = LayoutReader.Parse(message[Prefix..]);
        JsonElement handOff = document.RootElement;
        string type = Text(handOff, "type");
        if (type != "handoff")
            throw new HandOverException(
                $"The first message of Cloud Hypervisor is of type \"{LayoutReader.Shown(type)}\"; it has to be \"handoff\".");
        if (!handOff.TryGetProperty("version", out JsonElement version) || version.ValueKind != JsonValueKind.Number
            || !version.TryGetInt64(out long number) || number != 0)
            throw new HandOverException("The hand-off of Cloud Hypervisor is of another version than 0, which is the one known here.");
        if (!handOff.TryGetProperty("regions", out JsonElement regions) || regions.ValueKind != JsonValueKind.Array)
            throw new HandOverException("The hand-off of Cloud Hypervisor has no regions.");
        return new HandOverMessage
        {
            Dialect = "cloud-hypervisor",
            Regions = LayoutReader.Regions(regions, Region),
            Modes = ModesOf(Text(handOff, "mode")),
            WantsAnswer = true,
        };
    }

    private static RegisterModes ModesOf(string text)
    {
        RegisterModes modes = RegisterModes.None;
        foreach (string name in text.Split('|', StringSplitOptions.TrimEntries))
        {
            modes |= Modes.TryGetValue(name, out RegisterModes mode)
                ? mode
                : throw new HandOverException(
                    $"The hand-off of Cloud Hypervisor has the mode \"{LayoutReader.Shown(name)}\", which is not known here.");
        }

        return (modes & RegisterModes.Missing) != 0
            ? modes
            : throw new HandOverException(
                $"The hand-off of Cloud Hypervisor has the mode {LayoutReader.Shown(text)}, with which no page is missing; "
                    + "ask for MISSING.");
    }

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new HandOverException($"The hand-off of Cloud Hypervisor has no {name}.");

    /// <summary>Reads a region.</summary>
    /// <exception cref="HandOverException">It cannot be one.</exception>
    public static HandedRegion Region(JsonElement region, int number) => LayoutReader.Region(
        number,
        LayoutReader.Required(region, number, "host_virt_addr"),
        LayoutReader.Required(region, number, "size"),
        LayoutReader.Required(region, number, "backing_file_offset"),
        PageSize.Base);
}
