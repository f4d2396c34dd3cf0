using System.Buffers.Binary;

namespace UffdActors.PostCopy.Wire;

/// <summary>The body of an offer; the header's region is the number of regions. The destination's memory may have other pages.</summary>
/// <param name="WantsVerdict">The source waits for the guest's end, and says what its memory must hold.</param>
/// <param name="Regions">Base pages of each region.</param>
internal sealed record Offer(bool WantsVerdict, IReadOnlyList<long> Regions)
{
    private const int FlagBytes = 8;

    /// <summary>Bytes of a body with so many regions; -1 if there are none.</summary>
    public static int SizeOf(int regions) => regions < 1 ? -1 : FlagBytes + (regions * sizeof(long));

    /// <summary>Writes it.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[SizeOf(Regions.Count)];
        bytes[0] = WantsVerdict ? (byte)1 : (byte)0;
        for (int i = 0; i < Regions.Count; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(FlagBytes + (i * sizeof(long))), Regions[i]);
        return bytes;
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="WireException">A region has no pages, or more than any machine has.</exception>
    public static Offer Read(ReadOnlySpan<byte> bytes)
    {
        long[] regions = new long[(bytes.Length - FlagBytes) / sizeof(long)];
        for (int i = 0; i < regions.Length; i++)
        {
            regions[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(FlagBytes + (i * sizeof(long)))..]);
            if (regions[i] is < 1 or > WireLimits.PagesARegion) throw new WireException($"region {i} has {regions[i]} pages");
        }

        return new Offer(bytes[0] != 0, regions);
    }
}
