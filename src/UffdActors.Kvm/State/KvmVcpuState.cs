using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Kvm.State;

namespace UffdActors.Kvm;

/// <summary>
/// The state of a vCPU between two instructions: registers, FPU and vector state, model-specific registers, pending events. One record,
/// written with its version; another machine that offers the same CPU can resume from it.
/// </summary>
/// <remarks>
/// The record, little-endian: 8 bytes <c>UFFDVCPU</c>, version (4 bytes, 1), number of parts (4 bytes), and for each part its number
/// (4 bytes), its length (4 bytes) and its bytes as KVM has them. Every part appears once.
/// </remarks>
public sealed class KvmVcpuState
{
    /// <summary>Version of the records that are written, and the only one that is read.</summary>
    public const int Version = 1;

    private const int MaxBytes = 1 << 16;
    private readonly SortedDictionary<StatePart, byte[]> _parts;

    internal KvmVcpuState(SortedDictionary<StatePart, byte[]> parts) => _parts = parts;

    private static ReadOnlySpan<byte> Magic => "UFFDVCPU"u8;

    /// <summary>General registers.</summary>
    public KvmRegs Regs => MemoryMarshal.Read<KvmRegs>(_parts[StatePart.Regs]);

    /// <summary>True if the guest has halted the vCPU for good: it is not started again.</summary>
    public bool IsHalted => _parts[StatePart.Halted][0] != 0;

    /// <summary>A record.</summary>
    /// <param name="record">Bytes that <see cref="ToBytes"/> has written.</param>
    /// <exception cref="KvmStateException">It is damaged, or of another version.</exception>
    public static KvmVcpuState Read(ReadOnlySpan<byte> record)
    {
        if (record.Length > MaxBytes || record.Length < 16 || !record[..8].SequenceEqual(Magic))
            throw new KvmStateException("This is no record of a vCPU.");
        int version = BinaryPrimitives.ReadInt32LittleEndian(record[8..]);
        if (version != Version)
            throw new KvmStateException(Text($"The record of the vCPU has version {version}; this program knows version {Version}."));
        int count = BinaryPrimitives.ReadInt32LittleEndian(record[12..]);
        SortedDictionary<StatePart, byte[]> parts = [];
        ReadOnlySpan<byte> rest = record[16..];
        for (int i = 0; i < count; i++)
        {
            if (rest.Length < 8) throw new KvmStateException("The record of the vCPU ends early.");
            StatePart part = (StatePart)BinaryPrimitives.ReadInt32LittleEndian(rest);
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
            if (length < 0 || length > rest.Length - 8) throw new KvmStateException("The record of the vCPU ends early.");
            if (!IsLength(part, length) || !parts.TryAdd(part, rest.Slice(8, length).ToArray()))
            {
                throw new KvmStateException(
                    Text($"Part {(int)part} of the vCPU's record, {length} bytes, is unknown, of a wrong length, or there twice."));
            }

            rest = rest[(8 + length)..];
        }

        if (rest.Length > 0) throw new KvmStateException(Text($"{rest.Length} bytes follow the record of the vCPU."));
        return parts.Count == Enum.GetValues<StatePart>().Length
            ? new KvmVcpuState(parts)
            : throw new KvmStateException("The record of the vCPU is not complete.");
    }

    /// <summary>The record.</summary>
    public byte[] ToBytes()
    {
        byte[] record = new byte[16 + _parts.Sum(p => 8 + p.Value.Length)];
        Magic.CopyTo(record);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), _parts.Count);
        Span<byte> rest = record.AsSpan(16);
        foreach ((StatePart part, byte[] bytes) in _parts)
        {
            BinaryPrimitives.WriteInt32LittleEndian(rest, (int)part);
            BinaryPrimitives.WriteInt32LittleEndian(rest[4..], bytes.Length);
            bytes.CopyTo(rest[8..]);
            rest = rest[(8 + bytes.Length)..];
        }

        return record;
    }

    internal byte[] this[StatePart part] => _parts[part];

    // Each part must have the size that KVM reads.
    private static bool IsLength(StatePart part, int length) => part switch
    {
        StatePart.Cpuid => length % CallSizes.CpuidEntry == 0 && length <= CallSizes.MostCpuidEntries * CallSizes.CpuidEntry,
        StatePart.Msrs => length % CallSizes.MsrEntry == 0 && length <= CallSizes.MostMsrs * CallSizes.MsrEntry,
        StatePart.Halted => length == 1,
        _ => CallSizes.Of(part) is { } size && size == length,
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
