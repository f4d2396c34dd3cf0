using System.Buffers.Binary;

namespace UffdActors.Kvm.Programs;

/// <summary>
/// A guest program as it is described to the other side of a migration, little-endian: 8 bytes <c>UFFDPROG</c>, version (4 bytes, 1),
/// program (4), bytes of memory (8), vCPUs (4), rounds (4), page tables of 2 MiB (4).
/// </summary>
internal static class PlanRecord
{
    private const int Version = 1;
    private const int Size = 36;

    private static ReadOnlySpan<byte> Magic => "UFFDPROG"u8;

    /// <summary>Writes it.</summary>
    public static byte[] ToBytes(GuestPlan plan)
    {
        byte[] record = new byte[Size];
        Magic.CopyTo(record);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), (int)plan.Kind);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(16), plan.MemoryBytes);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(24), plan.Vcpus);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(28), plan.Rounds);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(32), plan.LargePages ? 1 : 0);
        return record;
    }

    /// <summary>True if it begins as one.</summary>
    public static bool Is(ReadOnlySpan<byte> record) => record.StartsWith(Magic);

    /// <summary>Reads one.</summary>
    /// <exception cref="KvmStateException">It is damaged, of another version, or describes no guest.</exception>
    public static GuestPlan Read(ReadOnlySpan<byte> record)
    {
        if (record.Length != Size || !Is(record)) throw new KvmStateException("This is no record of a guest program.");
        int version = BinaryPrimitives.ReadInt32LittleEndian(record[8..]);
        if (version != Version)
            throw new KvmStateException(
                FormattableString.Invariant($"The record of the program has version {version}; this program knows version {Version}."));
        GuestPlan plan = new()
        {
            Kind = (ProgramKind)BinaryPrimitives.ReadInt32LittleEndian(record[12..]),
            MemoryBytes = BinaryPrimitives.ReadInt64LittleEndian(record[16..]),
            Vcpus = BinaryPrimitives.ReadInt32LittleEndian(record[24..]),
            Rounds = BinaryPrimitives.ReadInt32LittleEndian(record[28..]),
            LargePages = BinaryPrimitives.ReadInt32LittleEndian(record[32..]) != 0,
        };
        if (!Enum.IsDefined(plan.Kind) || plan.Vcpus is < 1 or > KvmMachineOptions.MaxVcpus || plan.Rounds < 1
            || plan.MemoryBytes <= 0 || plan.MemoryBytes % GuestPlan.PageBytes != 0 || plan.Problem() is not null)
            throw new KvmStateException("The record of the program describes no guest.");
        return plan;
    }
}
