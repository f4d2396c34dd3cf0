using System.Buffers.Binary;

namespace UffdActors.PostCopy.Wire;

/// <summary>
/// The body of the destination's answer; the header's id is the epoch that it runs, 0 if it runs none. With 0 it refuses every epoch up to
/// that of the Hello.
/// </summary>
/// <param name="Version">Version that both support.</param>
/// <param name="Destination">Number of the destination; chosen by it, the same on every link. A restarted one has another.</param>
internal readonly record struct Welcome(int Version, UInt128 Destination)
{
    /// <summary>Bytes of the body.</summary>
    public const int Size = 18;

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)Version);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[2..], Destination);
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="WireException">The version is not one that was offered.</exception>
    public static Welcome Read(ReadOnlySpan<byte> bytes)
    {
        Welcome welcome = new(BinaryPrimitives.ReadUInt16LittleEndian(bytes), BinaryPrimitives.ReadUInt128LittleEndian(bytes[2..]));
        if (welcome.Version != Hello.Current)
            throw new WireException(
                $"the destination speaks version {welcome.Version} of the protocol, and this side version {Hello.Current}; use the same "
                    + "release on both sides");
        return welcome;
    }
}
