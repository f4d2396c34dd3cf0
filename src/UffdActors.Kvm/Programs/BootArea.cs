using System.Buffers.Binary;

namespace UffdActors.Kvm.Programs;

/// <summary>The bytes at the start of a guest's memory: its program, and page tables that map all memory from the address 0 on.</summary>
internal static class BootArea
{
    // Present, writable, accessed, dirty: with the last two set beforehand the processor never writes to a table.
    private const ulong Table = 0x63;
    private const ulong HugePage = Table | 0x80;
    private const int EntriesOfTable = 512;
    private const int PageBytes = 1 << GuestPlan.PageShift;

    /// <summary>Makes it.</summary>
    /// <param name="plan">The guest.</param>
    /// <param name="program">Its program; null for that of the plan.</param>
    public static byte[] Make(GuestPlan plan, byte[]? program = null)
    {
        byte[] boot = new byte[plan.BootBytes];
        (program ?? GuestProgram.Assemble(plan.Kind)).CopyTo(boot, (int)GuestPlan.Code);
        ulong top = GuestPlan.Tables;
        ulong pointers = top + PageBytes;
        ulong directories = pointers + PageBytes;
        ulong tables = directories + ((ulong)(plan.Directories + 1) * PageBytes);
        Set(boot, top, 0, pointers | Table);
        for (int i = 0; i < plan.Directories; i++) Set(boot, pointers, i, (directories + ((ulong)i * PageBytes)) | Table);

        // One more for MMIO.
        ulong devices = directories + ((ulong)plan.Directories * PageBytes);
        Set(boot, pointers, (int)(GuestPlan.Report >> 30), devices | Table);
        Set(boot, devices, (int)((GuestPlan.Report >> 21) % EntriesOfTable), GuestPlan.Report | HugePage);

        int huge = (int)((plan.MemoryBytes + GuestPlan.Huge - 1) / GuestPlan.Huge);
        for (int i = 0; i < huge; i++)
        {
            // The hole lies between two of them.
            ulong address = GuestPlan.PhysicalOf((ulong)i * (ulong)GuestPlan.Huge);
            ulong table = tables + ((ulong)i * PageBytes);
            Set(boot, directories, i, plan.LargePages ? address | HugePage : table | Table);
            for (int page = 0; page < EntriesOfTable && !plan.LargePages; page++)
                Set(boot, table, page, (address + ((ulong)page * PageBytes)) | Table);
        }

        return boot;
    }

    private static void Set(byte[] boot, ulong table, int index, ulong entry) =>
        BinaryPrimitives.WriteUInt64LittleEndian(boot.AsSpan((int)table + (index * 8)), entry);
}
