using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;

namespace UffdActors.Serve.Dialects;

/// <summary>
/// A region that a VMM adds to a guest which is served (memory that is plugged in), in the dialect of Cloud Hypervisor: a length of four
/// bytes, little-endian, then a JSON object of type <c>add_region</c> with one <c>region</c>, on the connection of the hand-over. Without a
/// descriptor; answered with one byte.
/// </summary>
internal static class AddedRegion
{
    private const int MostBytes = HandOverMessage.MaxBytes - sizeof(uint);

    /// <summary>Waits for the next one.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="number">Number that the region would have.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <returns>Null when the VMM has closed its end.</returns>
    /// <exception cref="HandOverException">It is none, or cannot be served; what follows it is not known.</exception>
    /// <exception cref="SocketException">The connection is gone.</exception>
    public static async Task<HandedRegion?> ReceiveAsync(Socket connection, int number, CancellationToken cancel)
    {
        byte[] prefix = new byte[sizeof(uint)];
        if (!await TryFillAsync(connection, prefix, cancel)) return null;
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(prefix);
        if (length is 0 or > MostBytes)
            throw new HandOverException($"A message behind the hand-off says that it has {length} bytes; 1 to {MostBytes} may be.");
        byte[] message = new byte[length];
        return await TryFillAsync(connection, message, cancel) ? Read(message, number) : null;
    }

    /// <summary>Reads the object.</summary>
    /// <exception cref="HandOverException">It is none, or cannot be served.</exception>
    public static HandedRegion Read(ReadOnlySpan<byte> json, int number)
    {
        using JsonDocument document = LayoutReader.Parse(json);
        JsonElement root = document.RootElement;
        string type = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("type", out JsonElement its)
            && its.ValueKind == JsonValueKind.String ? its.GetString()! : "";
        if (type != "add_region")
            throw new HandOverException(
                $"A message behind the hand-off is of type \"{LayoutReader.Shown(type)}\"; it has to be \"add_region\".");
        if (!root.TryGetProperty("region", out JsonElement region) || region.ValueKind != JsonValueKind.Object)
            throw new HandOverException("An add_region of Cloud Hypervisor has no region.");
        return CloudHypervisorDialect.Region(region, number);
    }

    private static async Task<bool> TryFillAsync(Socket connection, Memory<byte> room, CancellationToken cancel)
    {
        while (room.Length > 0)
        {
            int read = await connection.ReceiveAsync(room, SocketFlags.None, cancel);
            if (read == 0) return false;
            room = room[read..];
        }

        return true;
    }
}
