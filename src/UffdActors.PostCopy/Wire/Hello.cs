using System.Buffers.Binary;

namespace UffdActors.PostCopy.Wire;

/// <summary>The first frame of a connection; the header's id is the epoch that the source has handed over last, 0 for none.</summary>
/// <param name="Version">Version of the protocol that the source uses.</param>
/// <param name="Oldest">Oldest one that it still supports.</param>
/// <param name="Lane">0 for the urgent lane, 1 to <paramref name="Channels"/> for a background lane.</param>
/// <param name="Channels">Background lanes of the link.</param>
/// <param name="Migration">Which migration it is; chosen by the source, the same on every link.</param>
/// <param name="Link">Which link of it; lanes with the same number belong together.</param>
internal readonly record struct Hello(int Version, int Oldest, int Lane, int Channels, UInt128 Migration, ulong Link)
{
    /// <summary>Bytes of the body.</summary>
    public const int Size = 40;

    /// <summary>First bytes of every connection: "UFFDMIGR".</summary>
    public const ulong Magic = 0x5247_494d_4446_4655;

    /// <summary>The version of this side.</summary>
    public const int Current = 1;

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], (ushort)Version);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[10..], (ushort)Oldest);
        bytes[12] = (byte)Lane;
        bytes[13] = (byte)Channels;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], 0);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[16..], Migration);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], Link);
    }

    /// <summary>True for one of a source that has no version in common with this side.</summary>
    public static bool IsOfOtherVersion(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt64LittleEndian(bytes) == Magic
            && (BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]) > Current
                || BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]) < Current);

    /// <summary>Reads one.</summary>
    /// <exception cref="WireException">It is none, or there is no common version.</exception>
    public static Hello Read(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic)
            throw new WireException("the connection does not begin as one of `uffd migrate send` does");
        Hello hello = new(
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]), bytes[12], bytes[13],
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[16..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]));
        if (IsOfOtherVersion(bytes))
            throw new WireException(
                $"the source speaks versions {hello.Oldest} to {hello.Version} of the protocol, and this side version {Current}; use the "
                    + $"same release on both sides");
        if (hello.Channels is < 1 or > WireLimits.Channels || hello.Lane > hello.Channels)
            throw new WireException($"lane {hello.Lane} of {hello.Channels} background lanes is none");
        return hello;
    }
}
