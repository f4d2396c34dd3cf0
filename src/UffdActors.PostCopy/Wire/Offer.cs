using System.Buffers.Binary;

namespace UffdActors.PostCopy.Wire;

/// <summary>
/// The body of an offer; the header's region is the number of regions. The destination's memory may have other pages. Flags (1 byte), zeros
/// (3), bytes of the guest's description (4), base pages of each region (8 each), the description.
/// </summary>
/// <param name="WantsVerdict">The source waits for the guest's end, and says what its memory must hold.</param>
/// <param name="Regions">Base pages of each region.</param>
internal sealed record Offer(bool WantsVerdict, IReadOnlyList<long> Regions)
{
    private const int FlagBytes = 8;
    private const int LengthAt = 4;

    /// <summary>What the guest is, for the destination's guest; empty for a <see cref="WorkloadGuest"/>.</summary>
    public ReadOnlyMemory<byte> Guest { get; init; }

    /// <summary>Fewest bytes of a body with so many regions; -1 if there are none.</summary>
    public static int SizeOf(int regions) => regions < 1 ? -1 : FlagBytes + (regions * sizeof(long));

    /// <summary>Writes it.</summary>
    public byte[] ToBytes()
    {
        int size = SizeOf(Regions.Count);
        byte[] bytes = new byte[size + Guest.Length];
        bytes[0] = WantsVerdict ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(LengthAt), Guest.Length);
        for (int i = 0; i < Regions.Count; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(FlagBytes + (i * sizeof(long))), Regions[i]);
        Guest.Span.CopyTo(bytes.AsSpan(size));
        return bytes;
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="WireException">
    /// A region has no pages, or more than any machine has; or the lengths contradict each other.
    /// </exception>
    public static Offer Read(ReadOnlySpan<byte> bytes)
    {
        int guest = BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthAt..]);
        int all = bytes.Length - FlagBytes - guest;
        if (guest is < 0 or > WireLimits.GuestBytes || all < sizeof(long) || all % sizeof(long) != 0
            || all > WireLimits.Regions * sizeof(long))
            throw new WireException($"an offer of {bytes.Length} bytes, {guest} of them about the guest, has no regions in it");
        long[] regions = new long[all / sizeof(long)];
        for (int i = 0; i < regions.Length; i++)
        {
            regions[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(FlagBytes + (i * sizeof(long)))..]);
            if (regions[i] is < 1 or > WireLimits.PagesARegion) throw new WireException($"region {i} has {regions[i]} pages");
        }

        return new Offer(bytes[0] != 0, regions) { Guest = bytes[(FlagBytes + all)..].ToArray() };
    }
}
