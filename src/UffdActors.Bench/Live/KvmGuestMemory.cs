using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Bench.Live;

/// <summary>
/// The first 2 MiB of a guest that adds up the first word of each of its pages, four instructions a page: page tables, and the program. Its
/// data is elsewhere in guest memory, mapped in pages of 2 MiB, so that nothing but data faults.
/// </summary>
internal static class KvmGuestMemory
{
    /// <summary>Bytes of program and page tables.</summary>
    public const int Bytes = 2 << 20;

    /// <summary>Guest physical address of the data.</summary>
    public const ulong Data = 1UL << 30;

    /// <summary>Most pages of data: those of one page directory.</summary>
    public const int MostPages = 1 << 18;

    /// <summary>Guest physical address of the top page table.</summary>
    public const ulong Tables = 0x2000;

    /// <summary>Guest physical address of the program.</summary>
    public const ulong Code = 0x8000;

    // Present, writable, accessed, dirty: the processor never writes to a table.
    private const ulong Table = 0x63;
    private const ulong HugePage = Table | 0x80;
    private const int PageBytes = 4096;

    /// <summary>Makes the bytes; the rest of them are zeros.</summary>
    public static byte[] Make()
    {
        byte[] memory = new byte[(int)Code + PageBytes];
        Set(Tables, 0, 0x3000 | Table);
        Set(0x3000, 0, 0x4000 | Table);
        Set(0x3000, 1, 0x5000 | Table);
        Set(0x4000, 0, HugePage);
        for (int i = 0; i < 512; i++) Set(0x5000, i, (Data + ((ulong)i << 21)) | HugePage);
        Program().CopyTo(memory, (int)Code);
        return memory;

        void Set(ulong table, int index, ulong entry) =>
            BinaryPrimitives.WriteUInt64LittleEndian(memory.AsSpan((int)table + (index * 8)), entry);
    }

    // RSI the first page, RCX how many, RBX the sum.
    private static byte[] Program()
    {
        Assembler c = new(64);
        Label next = c.CreateLabel();
        c.Label(ref next);
        c.add(rbx, __qword_ptr[rsi]);
        c.add(rsi, PageBytes);
        c.dec(rcx);
        c.jne(next);
        c.hlt();
        using MemoryStream bytes = new();
        _ = c.Assemble(new StreamCodeWriter(bytes), Code);
        return bytes.ToArray();
    }
}
