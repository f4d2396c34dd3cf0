using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Programs;

/// <summary>
/// The program of a guest, as instructions. All vCPUs run the same one; their registers have the range of their pages.
/// </summary>
/// <remarks>
/// Registers: RBP first byte of the share, R12 its pages, R8 rounds still to do, R9 where the checksum goes at the end, R10 the counter,
/// R11 where the checksum is reported (MMIO), R13 and RDI the number of steps of the random order and that less one, RAX its last page,
/// R14 a letter for the console, R15 pages until the next mark, RBX the checksum. The checksum is rotated before each word is added, so
/// that a word that is missing, of another page, old or added twice changes it. Plain instructions only: KVM may have to emulate them all.
/// </remarks>
internal static class GuestProgram
{
    private const int PageBytes = 4096;

    /// <summary>The program in bytes, for the address <see cref="GuestPlan.Code"/>.</summary>
    public static byte[] Assemble(ProgramKind kind)
    {
        Assembler c = new(64);
        Label round = c.CreateLabel();
        Label next = c.CreateLabel();
        Label skip = c.CreateLabel();
        bool isRandom = kind is ProgramKind.Random or ProgramKind.Scatter;

        c.Label(ref round);
        c.mov(rsi, rbp);
        c.mov(rcx, isRandom ? r13 : r12);

        c.Label(ref next);
        if (isRandom)
        {
            // x = 5x + c (mod 2^n) with an odd c visits every number once; those beyond the share are skipped.
            c.lea(eax, __[rax + (rax * 4) + 12345]);
            c.and(eax, edi);
            c.cmp(eax, r12d);
            c.jae(skip);
            c.mov(esi, eax);
            c.shl(rsi, GuestPlan.PageShift);
            c.add(rsi, rbp);
        }

        Touch(c, kind);
        if (isRandom) c.Label(ref skip);
        else c.add(rsi, PageBytes);
        c.dec(rcx);
        c.jne(next);

        c.mov(eax, r14d);
        c.mov(edx, GuestPlan.ConsolePort);
        c.@out(dx, al);
        // The random order continues from a page of the same cycle.
        c.xor(eax, eax);
        c.dec(r8);
        c.jne(round);

        c.mov(__qword_ptr[r9], rbx);
        c.mov(__qword_ptr[r11], rbx);
        c.hlt();
        return Bytes(c, GuestPlan.Code);
    }

    /// <summary>Instructions as bytes.</summary>
    public static byte[] Bytes(Assembler assembler, ulong address)
    {
        using MemoryStream bytes = new();
        _ = assembler.Assemble(new StreamCodeWriter(bytes), address);
        return bytes.ToArray();
    }

    private static void Touch(Assembler c, ProgramKind kind)
    {
        c.rol(rbx, 7);
        c.add(rbx, __qword_ptr[rsi]);
        if (kind is ProgramKind.Write or ProgramKind.Scatter or ProgramKind.Balloon) c.mov(__qword_ptr[rsi], rbx);
        if (kind == ProgramKind.Mark)
        {
            // R15 counts down from page to page, and is 0 at the start: the first page is one of them.
            Label next = c.CreateLabel();
            c.dec(r15);
            c.jns(next);
            c.mov(__qword_ptr[rsi], rbx);
            c.mov(r15d, GuestPlan.MarkStep - 1);
            c.Label(ref next);
        }

        if (kind == ProgramKind.Counter) c.@lock.inc(__qword_ptr[r10]);
        if (kind != ProgramKind.Balloon) return;
        Label keep = c.CreateLabel();
        c.test(esi, (GuestPlan.BalloonStep - 1) << GuestPlan.PageShift);
        c.jne(keep);
        c.mov(rax, rsi);
        c.shr(rax, GuestPlan.PageShift);
        c.mov(edx, GuestPlan.BalloonPort);
        c.@out(dx, eax);
        c.Label(ref keep);
    }
}
