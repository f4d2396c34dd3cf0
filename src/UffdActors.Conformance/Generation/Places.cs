using UffdActors.Conformance.Programs;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Generation;

/// <summary>
/// Where a step works: mostly on pages of one VMA, and now and then on a range whose ends lie in a hole, in another VMA, or inside a huge
/// page.
/// </summary>
internal sealed class Places(Choices choices, ProgramClass about, IProgramState state, TraceHeader header)
{
    private const int BasePages = 32;
    private const int HugePages = 8;
    private const int LongestBaseMapping = 8;
    private const int LongestHugeMapping = 3;
    private const int Threads = 4;
    private const ulong HugeArena = 0x4000_0000;
    private const ulong Base = PageSize.Base;
    private const ulong Huge = PageSize.Huge;

    /// <summary>A step over a range; for a call that changes the map the ends are unaligned, or off a VMA's ends, more often than for
    /// others.</summary>
    public ProgramStep Over(ProgramStep step)
    {
        if (about.SeeksSleepers && !choices.OneIn(4) && AroundSleepers() is { } around)
            return step with { Address = around.Start, Length = around.Bytes };
        ulong start = Page(out ulong page);
        ulong length = (ulong)(1 + choices.Next(choices.OneIn(2) ? 4 : 1)) * page;
        step = step with { Address = start, Length = length };
        bool changesMap = step.Op is ProgramOp.Munmap or ProgramOp.Mprotect or ProgramOp.Mremap or ProgramOp.Madvise;
        return choices.OneIn(changesMap ? 2 : 6) ? WithOtherEnds(step) : step;
    }

    /// <summary>What an address is registered for.</summary>
    public RegisterModes ModesAt(ulong address) => state.Areas.FirstOrDefault(a => address - a.Start < a.Bytes).Modes;

    /// <summary>Bytes from an address to the end of its VMA; 0 if it lies in none.</summary>
    public ulong BytesBehind(ulong address) =>
        state.Areas.FirstOrDefault(a => address - a.Start < a.Bytes) is { Bytes: > 0 } area ? area.Start + area.Bytes - address : 0;

    /// <summary>A few pages before and after one on which a thread sleeps, within its VMA; null if no thread sleeps.</summary>
    private (ulong Start, ulong Bytes)? AroundSleepers()
    {
        ulong[] asleep =
        [
            .. Enumerable.Range(0, Threads).Select(state.Busy).Where(b => b is { Wait: "fault", Step.Op: ProgramOp.Access })
                .Select(b => b!.Value.Step.Address),
        ];
        if (asleep.Length == 0) return null;
        ulong address = choices.Of(asleep);
        AreaState area = state.Areas.FirstOrDefault(a => address - a.Start < a.Bytes);
        if (area.Bytes == 0) return null;
        ulong page = (address - area.Start) / area.PageBytes;
        ulong first = page - Math.Min(page, (ulong)choices.Next(3));
        ulong end = Math.Min(page + 1 + (ulong)choices.Next(4), area.Bytes / area.PageBytes);
        return (area.Start + (first * area.PageBytes), (end - first) * area.PageBytes);
    }

    /// <summary>A page of a VMA; now and then of none.</summary>
    /// <param name="page">Its size.</param>
    public ulong Page(out ulong page)
    {
        if (!choices.OneIn(12) && Area() is { } area)
        {
            page = area.PageBytes;
            return area.Start + ((ulong)choices.Next((int)(area.Bytes / page)) * page);
        }

        bool huge = choices.OneIn(4);
        page = huge ? Huge : Base;
        return Place(huge, huge ? HugePages : BasePages);
    }

    /// <summary>A VMA; null if there is none.</summary>
    public AreaState? Area()
    {
        AreaState[] areas = [.. state.Areas];
        return areas.Length == 0 ? null : choices.Of(areas);
    }

    /// <summary>The range of a new mapping: at a place of its own, or over a part of what is there and beyond it.</summary>
    public ProgramStep ForMapping(ProgramStep step, bool huge)
    {
        ulong page = huge ? Huge : Base;
        int longest = huge ? LongestHugeMapping : LongestBaseMapping;
        ulong address = Place(huge, huge ? HugePages - LongestHugeMapping : BasePages - LongestBaseMapping);
        ulong length = (ulong)(1 + choices.Next(longest)) * page;
        if (choices.OneIn(3) && Over(huge) is { } area)
        {
            address = area.Start + ((ulong)choices.Next((int)(area.Bytes / area.PageBytes)) * area.PageBytes);
            if (!huge) address = Near(address);
            // Replaces a whole huge page by small ones, or tries to replace all but the last of its base pages.
            if (!huge && area.PageBytes == Huge && choices.OneIn(4)) length = Huge - (choices.OneIn(2) ? Base : 0);
            // hugetlb rounds up by itself.
            if (huge && choices.OneIn(4)) length -= Base;
        }

        return step with { Address = address, Length = length };
    }

    /// <summary>Where mremap moves to.</summary>
    public ulong Target(ulong oldLength, ulong newLength)
    {
        bool huge = oldLength >= Huge && !choices.OneIn(6);
        ulong target = Place(huge, huge ? HugePages : BasePages);
        if (choices.OneIn(4) && Area() is { } area)
            target = Near(area.Start + ((ulong)choices.Next((int)(area.Bytes / area.PageBytes)) * area.PageBytes));
        // Mappings outside the arena are not observed, and not cleaned up.
        return target + Math.Max(newLength, oldLength) + Huge <= header.ArenaEnd ? target : header.ArenaStart;
    }

    private AreaState? Over(bool huge)
    {
        AreaState[] areas = [.. state.Areas.Where(a => !huge || a.PageBytes == Huge)];
        return areas.Length == 0 ? null : choices.Of(areas);
    }

    private ProgramStep WithOtherEnds(ProgramStep step)
    {
        ulong start = step.Address;
        ulong end = start + step.Length;
        switch (choices.Next(4))
        {
            case 0:
                end = Near(end);
                break;
            case 1:
                start = Near(start);
                break;
            case 2:
                start = Near(start);
                end = Near(end);
                break;
            default:
                // Over everything between two VMAs, up to a page of the second, or into one.
                if (Area() is not { } other) break;
                ulong there = other.Start + ((ulong)(1 + choices.Next((int)(other.Bytes / other.PageBytes))) * other.PageBytes);
                if (choices.OneIn(3)) there = Near(there);
                (start, end) = there > start ? (start, there) : (there, end);
                break;
        }

        return end > start ? step with { Address = start, Length = end - start } : step;
    }

    private ulong Near(ulong address) => choices.Next(3) switch
    {
        0 => address,
        1 => address + ((ulong)(1 + choices.Next(4)) * Base),
        _ => Math.Max(header.ArenaStart, address - ((ulong)(1 + choices.Next(4)) * Base)),
    };

    private ulong Place(bool huge, int places) =>
        header.ArenaStart + (huge ? HugeArena : 0) + ((ulong)choices.Next(places) * (huge ? Huge : Base));
}
