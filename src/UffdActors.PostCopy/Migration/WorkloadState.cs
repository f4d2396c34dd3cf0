using System.Buffers.Binary;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The state of a <see cref="WorkloadGuest"/> as it is sent: the workload of its vCPUs, and the progress of each. Version (4 bytes),
/// pattern (4), base pages (8), accesses (8), write ratio (8), seed (8), vCPUs (4), zero (4), and for each vCPU its accesses (8); little
/// endian.
/// </summary>
internal sealed record WorkloadState(WorkloadGuestOptions Options, long Pages, IReadOnlyList<long> Done)
{
    private const int Version = 1;
    private const int HeadBytes = 48;

    /// <summary>Writes it.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[HeadBytes + (Done.Count * sizeof(long))];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), (int)Options.Workload);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Pages);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Options.Accesses);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(24), Options.WriteRatio);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Options.Seed);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(40), Done.Count);
        for (int i = 0; i < Done.Count; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(HeadBytes + (i * sizeof(long))), Done[i]);
        return bytes;
    }

    /// <summary>Reads one.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="pages">Base pages of the region that it works on.</param>
    /// <exception cref="MigrationException">It is none, or one of another machine.</exception>
    public static WorkloadState Read(ReadOnlySpan<byte> bytes, long pages)
    {
        if (bytes.Length < HeadBytes || BinaryPrimitives.ReadInt32LittleEndian(bytes) != Version) throw Wrong("its version is unknown");
        int vcpus = BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]);
        if (vcpus is < 1 or > GuestLayout.MaxVcpus || bytes.Length != HeadBytes + (vcpus * sizeof(long)))
            throw Wrong($"it has {vcpus} vCPUs in {bytes.Length} bytes");
        WorkloadGuestOptions options = new()
        {
            Vcpus = vcpus,
            Workload = (WorkloadKind)BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
            Accesses = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            WriteRatio = BinaryPrimitives.ReadDoubleLittleEndian(bytes[24..]),
            Seed = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
        };
        if (!Enum.IsDefined(options.Workload) || options.Accesses < 0 || options.WriteRatio is not (>= 0 and <= 1))
            throw Wrong("its workload is not one of this version");
        if (BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]) != pages) throw Wrong("it is for memory of another size");
        long[] done = new long[vcpus];
        for (int i = 0; i < vcpus; i++)
        {
            done[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(HeadBytes + (i * sizeof(long)))..]);
            if (done[i] < 0 || done[i] > ShareOf(options, i)) throw Wrong($"vCPU {i} has done {done[i]} accesses");
        }

        return new WorkloadState(options, pages, done);
    }

    /// <summary>Accesses of one vCPU.</summary>
    public static long ShareOf(WorkloadGuestOptions options, int vcpu) =>
        (options.Accesses / options.Vcpus) + (vcpu < options.Accesses % options.Vcpus ? 1 : 0);

    private static MigrationException Wrong(string why) => new($"The guest's state cannot be loaded: {why}.");
}
