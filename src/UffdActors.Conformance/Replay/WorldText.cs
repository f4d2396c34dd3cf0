using System.Globalization;
using System.Text;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Replay;

/// <summary>Writes what the model holds in the words of a trace.</summary>
internal sealed class WorldText(TraceHeader header)
{
    private readonly StringBuilder _builder = new();
    private readonly PageRange _arena = new(PageSize.PageOf(header.ArenaStart), PageSize.PageOf(header.ArenaEnd));

    public bool IsInArena(Vma vma) => _arena.Contains(vma.Range);

    /// <summary>The VMA list, one line a VMA: range, protection, modes, backing, page states.</summary>
    public string VmasOf(AddressSpace mm, Func<MemoryFile, int> numberOf)
    {
        _builder.Clear();
        foreach (Vma vma in mm.Map.Vmas)
        {
            if (!IsInArena(vma)) continue;
            if (_builder.Length > 0) _ = _builder.Append('\n');
            _ = _builder.Append(CultureInfo.InvariantCulture, $"{PageSize.AddressOf(vma.Range.Start):x}-{PageSize.AddressOf(vma.Range.End):x} ");
            _ = _builder.Append((vma.Prot & Prot.Read) != 0 ? 'r' : '-').Append((vma.Prot & Prot.Write) != 0 ? 'w' : '-').Append('-')
                .Append(vma.IsShared ? 's' : 'p').Append(' ');
            AppendModes(vma.Modes);
            if (vma.File is { } file) _ = _builder.Append(CultureInfo.InvariantCulture, $" f{numberOf(file)}+{vma.Offset << PageSize.BaseShift:x} ");
            else _ = _builder.Append(" anon ");
            for (long page = vma.Range.Start; page < vma.Range.End; page += vma.Stride) _ = _builder.Append(Digit(mm.EntryAt(page), vma.IsHuge));
        }

        return _builder.ToString();
    }

    /// <summary>What pagemap shows: 8 present, 4 swap-type entry, 2 file page, 1 write-protected.</summary>
    public static char Digit(Entry entry, bool huge)
    {
        int digit = entry.Kind switch
        {
            EntryKind.None => 0,
            EntryKind.WpMarker => huge ? 1 : 5,
            EntryKind.Poison => huge ? 0 : 4,
            EntryKind.File => 10,
            _ => 8,
        };
        if (entry.IsPresent && entry.IsWp) digit |= 1;
        return (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }

    public static string OutcomeOf(Access access) => access.Outcome switch
    {
        AccessOutcome.Ok => string.Create(CultureInfo.InvariantCulture, $"ok:{(byte)access.Value}"),
        AccessOutcome.SigBus => string.Create(CultureInfo.InvariantCulture, $"sigbus:{access.SignalCode}"),
        AccessOutcome.SigSegv => string.Create(CultureInfo.InvariantCulture, $"sigsegv:{access.SignalCode}"),
        AccessOutcome.Fault => "err:EFAULT",
        _ => "err:ENOMEM",
    };

    public static string OutOf(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "untouched";

    public static string Hex(ulong word) => string.Create(CultureInfo.InvariantCulture, $"0x{word:x}");

    public static string MessageOf(in UffdMsg m, int handle) => m.Event switch
    {
        UffdEvent.Pagefault => string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"ev\":\"pagefault\",\"flags\":{(ulong)m.Flags},\"addr\":\"0x{m.Address:x}\",\"tid\":{(int)m.ThreadId - 1}}}"),
        UffdEvent.Fork => string.Create(CultureInfo.InvariantCulture, $"{{\"ev\":\"fork\",\"as\":{handle}}}"),
        UffdEvent.Remap => string.Create(
            CultureInfo.InvariantCulture, $"{{\"ev\":\"remap\",\"from\":\"0x{m.From:x}\",\"to\":\"0x{m.To:x}\",\"len\":\"0x{m.Length:x}\"}}"),
        UffdEvent.Remove => string.Create(
            CultureInfo.InvariantCulture, $"{{\"ev\":\"remove\",\"start\":\"0x{m.Start:x}\",\"end\":\"0x{m.End:x}\"}}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{{\"ev\":\"unmap\",\"start\":\"0x{m.Start:x}\",\"end\":\"0x{m.End:x}\"}}"),
    };

    public static FileState StateOf(int number, MemoryFile file)
    {
        bool huge = file.PageShift != PageSize.BaseShift;
        long end = file.EndIndex;
        long blocks = 0;
        long all = WordTable.Length;
        for (long i = file.NextPage(0, all); i < all; i = file.NextPage(i + 1, all)) blocks += 1L << (file.PageShift - PageSize.BaseShift);
        string data = huge ? "" : string.Create((int)end, file, (span, f) =>
        {
            for (int i = 0; i < span.Length; i++) span[i] = f.SlotAt(i).IsUpToDate ? '1' : '0';
        });
        return new FileState(number, file.Bytes, blocks, data);
    }

    public static FileContent ContentOf(int number, MemoryFile file)
    {
        if (file.PageShift != PageSize.BaseShift) return new FileContent(number, file.Bytes, []);
        List<string?> pages = [];
        for (long i = 0; i < file.EndIndex; i++)
        {
            CacheSlot slot = file.SlotAt(i);
            long bytes = Math.Min(PageSize.Base, file.Bytes - (i << PageSize.BaseShift));
            pages.Add(slot.IsUpToDate ? Runs((RunFolios)file.Store, slot.Folio, (int)bytes) : null);
        }

        return new FileContent(number, file.Bytes, pages);
    }

    public static string PageContent(Access access, Vma vma, Entry entry) => access.Outcome switch
    {
        AccessOutcome.SigBus => "sigbus",
        AccessOutcome.SigSegv => "sigsegv",
        _ when entry.Kind == EntryKind.Zero => string.Create(CultureInfo.InvariantCulture, $"{vma.PageBytes}*0"),
        _ => Runs((RunFolios)vma.Store, entry.Folio, vma.PageBytes),
    };

    private static string Runs(RunFolios store, uint folio, int bytes)
    {
        IReadOnlyList<(int Start, byte Value)> runs = store.RunsOf(folio);
        StringBuilder text = new();
        for (int i = 0; i < runs.Count && runs[i].Start < bytes; i++)
        {
            int end = i + 1 < runs.Count ? Math.Min(runs[i + 1].Start, bytes) : bytes;
            if (i > 0) _ = text.Append(',');
            _ = text.Append(CultureInfo.InvariantCulture, $"{end - runs[i].Start}*{runs[i].Value}");
        }

        return text.ToString();
    }

    private void AppendModes(RegisterModes modes)
    {
        if (modes == RegisterModes.None) _ = _builder.Append('-');
        if ((modes & RegisterModes.Missing) != 0) _ = _builder.Append('M');
        if ((modes & RegisterModes.WriteProtect) != 0) _ = _builder.Append('W');
        if ((modes & RegisterModes.Minor) != 0) _ = _builder.Append('I');
    }
}
