using System.Globalization;
using System.Numerics;

namespace UffdActors.Kvm.Programs;

/// <summary>
/// A guest, and the layout of its memory: its program and page tables at the start, in whole pages of 2 MiB (the boot area), and behind
/// them the pages that it works on, divided among the vCPUs.
/// </summary>
/// <remarks>
/// Boot area: results at 0x1000 (8 bytes for each vCPU), the counter at 0x2000, the program at 0x8000, page tables from 0x10000 on. What
/// lies beyond 3 GiB is from 4 GiB on in physical memory; page tables map it without that hole, so a virtual address is an offset into
/// the guest's memory. One page of 2 MiB at 64 GiB is no memory: the results are written there (MMIO).
/// </remarks>
internal sealed record GuestPlan
{
    /// <summary>Most memory of a guest: it ends well below the address of the results.</summary>
    public const long MaxMemoryBytes = 32L << 30;

    /// <summary>Memory that is in the first slot, from 0 on: below 4 GiB KVM has the page of the local APIC, which is no memory.</summary>
    public const long LowBytes = 3L << 30;

    /// <summary>Guest physical address of the second slot, with what is beyond <see cref="LowBytes"/>.</summary>
    public const ulong High = 4UL << 30;

    public const ulong Results = 0x1000;
    public const ulong Counter = 0x2000;
    public const ulong Code = 0x8000;
    public const ulong Tables = 0x10000;
    public const ulong Report = 0x10_0000_0000;
    public const ushort ConsolePort = 0x3F8;
    public const ushort BalloonPort = 0x510;

    /// <summary>One page of this many is given back.</summary>
    public const int BalloonStep = 8;

    /// <summary>One page of this many is written to by <see cref="ProgramKind.Mark"/>.</summary>
    public const int MarkStep = 20;

    public const long Huge = 2L << 20;
    public const int PageShift = 12;
    public const int PageBytes = 1 << PageShift;

    /// <summary>Its program.</summary>
    public required ProgramKind Kind { get; init; }

    /// <summary>All of its memory, a multiple of 4 KiB, larger than the boot area.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>vCPUs, 1 to 16.</summary>
    public required int Vcpus { get; init; }

    /// <summary>How often each page is visited, at least once.</summary>
    public int Rounds { get; init; } = 2;

    /// <summary>Its own page tables map 2 MiB at a time, not 4 KiB.</summary>
    public bool LargePages { get; init; }

    /// <summary>Bytes of program and page tables: whole pages of 2 MiB.</summary>
    public long BootBytes => BootBytesOf(MemoryBytes, LargePages);

    /// <summary>Pages of the boot area.</summary>
    public long BootPages => BootBytes >> PageShift;

    /// <summary>Pages that the program works on.</summary>
    public long DataPages => (MemoryBytes - BootBytes) >> PageShift;

    /// <summary>Page directories for the memory: one for each GiB.</summary>
    public int Directories => (int)((MemoryBytes + (1L << 30) - 1) >> 30);

    /// <summary>Size of a boot area.</summary>
    public static long BootBytesOf(long memoryBytes, bool largePages)
    {
        long directories = ((memoryBytes + (1L << 30) - 1) >> 30) + 1;
        long tables = largePages ? 0 : (memoryBytes + Huge - 1) / Huge;
        long end = (long)Tables + ((2 + directories + tables) << PageShift);
        return (end + Huge - 1) / Huge * Huge;
    }

    /// <summary>The memory of a guest that works on so many bytes.</summary>
    public static long MemoryFor(long dataBytes, bool largePages)
    {
        // The tables map themselves too, so they may grow with the memory.
        long boot = BootBytesOf(dataBytes, largePages);
        while (BootBytesOf(boot + dataBytes, largePages) is var larger && larger != boot) boot = larger;
        return boot + dataBytes;
    }

    /// <summary>Guest physical address of an offset into its memory.</summary>
    public static ulong PhysicalOf(ulong offset) => offset < (ulong)LowBytes ? offset : offset - (ulong)LowBytes + High;

    /// <summary>Its memory as slots of a machine.</summary>
    /// <param name="memory">All of it, one region.</param>
    public IReadOnlyList<KvmSlot> Slots(GuestRegion memory) => MemoryBytes <= LowBytes
        ? [new KvmSlot(memory, 0)]
        : [
            new KvmSlot(memory, 0) { Pages = LowBytes >> PageShift },
            new KvmSlot(memory, High) { FirstPage = LowBytes >> PageShift },
        ];

    /// <summary>First page (of the data) and number of pages of a vCPU.</summary>
    public (long First, long Pages) ShareOf(int vcpu)
    {
        long first = DataPages * vcpu / Vcpus;
        return (first, (DataPages * (vcpu + 1) / Vcpus) - first);
    }

    /// <summary>The registers that a vCPU starts with; their meaning for the program is in <see cref="GuestProgram"/>.</summary>
    public KvmRegs RegsOf(int vcpu)
    {
        (long first, long pages) = ShareOf(vcpu);
        ulong orbit = BitOperations.RoundUpToPowerOf2((ulong)pages);
        return new KvmRegs
        {
            Rip = Code,
            Rax = (ulong)vcpu,
            Rbx = (ulong)vcpu + 1,
            Rbp = (ulong)BootBytes + ((ulong)first << PageShift),
            Rdi = orbit - 1,
            R8 = (ulong)Rounds,
            R9 = Results + (8 * (ulong)vcpu),
            R10 = Counter,
            R11 = Report + (8 * (ulong)vcpu),
            R12 = (ulong)pages,
            R13 = orbit,
            R14 = (ulong)('a' + vcpu),
        };
    }

    /// <summary>What is said of more memory than a guest may have.</summary>
    public static string TooLarge(long bytes) => string.Create(
        CultureInfo.InvariantCulture, $"A guest may have {MaxMemoryBytes:N0} bytes of memory, not {bytes:N0}.");

    /// <summary>Why it is invalid, a sentence; null if it is valid.</summary>
    public string? Problem()
    {
        if (MemoryBytes > MaxMemoryBytes) return TooLarge(MemoryBytes);
        return DataPages < Vcpus
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{MemoryBytes:N0} bytes of memory are too few: {BootBytes:N0} bytes hold program and page tables, and each vCPU works on "
                    + $"one page at least.")
            : null;
    }
}
