using System.Globalization;
using System.Text;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Replay;

/// <summary>Writes the model's state in the format of a trace.</summary>
internal static class ModelText
{
    // The values of almost every page and every access.
    private static readonly string[] UniformBase = [.. Enumerable.Range(0, 256).Select(v => Runs(PageSize.Base, v))];
    private static readonly string[] UniformHuge = [.. Enumerable.Range(0, 256).Select(v => Runs(PageSize.Huge, v))];
    private static readonly string[] Ok = [.. Enumerable.Range(0, 256).Select(v => string.Create(CultureInfo.InvariantCulture, $"ok:{v}"))];
    private static readonly string[] ErrnoNames = MakeErrnoNames();

    /// <summary>Appends a VMA: range, protection, modes, backing, page states.</summary>
    public static void AppendVma(TextBuffer text, AddressSpace mm, Vma vma, int file)
    {
        if (!text.IsEmpty) text.Append('\n');
        text.AppendHex(PageSize.AddressOf(vma.Range.Start));
        text.Append('-');
        text.AppendHex(PageSize.AddressOf(vma.Range.End));
        text.Append(' ');
        text.Append((vma.Prot & Prot.Read) != 0 ? 'r' : '-');
        text.Append((vma.Prot & Prot.Write) != 0 ? 'w' : '-');
        text.Append('-');
        text.Append(vma.IsShared ? 's' : 'p');
        text.Append(' ');
        if (vma.Modes == RegisterModes.None) text.Append('-');
        if ((vma.Modes & RegisterModes.Missing) != 0) text.Append('M');
        if ((vma.Modes & RegisterModes.WriteProtect) != 0) text.Append('W');
        if ((vma.Modes & RegisterModes.Minor) != 0) text.Append('I');
        if (vma.IsAnonymous)
        {
            text.Append(" anon ");
        }
        else
        {
            text.Append(" f");
            text.AppendNumber(file);
            text.Append('+');
            text.AppendHex((ulong)vma.Offset << PageSize.BaseShift);
            text.Append(' ');
        }

        for (long page = vma.Range.Start; page < vma.Range.End; page += vma.Stride)
        {
            int state = StateOf(mm.EntryAt(page), vma.IsHuge);
            text.Append((char)(state < 10 ? '0' + state : 'a' + state - 10));
        }
    }

    /// <summary>What pagemap shows: 8 present, 4 swap-type entry, 2 file page, 1 write-protected.</summary>
    public static int StateOf(Entry entry, bool huge)
    {
        int state = entry.Kind switch
        {
            EntryKind.None => 0,
            EntryKind.WpMarker => huge ? 1 : 5,
            EntryKind.Poison => huge ? 0 : 4,
            EntryKind.File => 10,
            _ => entry.IsSwapped ? 4 : 8,
        };
        return entry.HoldsPage && entry.IsWp ? state | 1 : state;
    }

    /// <summary>Appends what a step shows of a file, to see whether it has changed.</summary>
    public static void AppendFile(TextBuffer text, int number, MemoryFile file)
    {
        text.AppendNumber(number);
        text.Append(':');
        text.AppendNumber(file.Bytes);
        text.Append(':');
        text.AppendNumber(file.Pages);
        text.Append(':');
        AppendData(text, file);
        text.Append(' ');
    }

    public static FileState StateOf(int number, MemoryFile file)
    {
        TextBuffer data = new();
        AppendData(data, file);
        return new FileState(number, file.Bytes, file.Pages << (file.PageShift - PageSize.BaseShift), data.TakeIfChanged()!);
    }

    private static void AppendData(TextBuffer text, MemoryFile file)
    {
        if (file.PageShift != PageSize.BaseShift) return;
        for (long i = 0; i < file.EndIndex; i++) text.Append(file.SlotAt(i).IsUpToDate ? '1' : '0');
    }

    public static string NameOf(Errno error) =>
        (int)error < ErrnoNames.Length && (int)error >= 0 ? ErrnoNames[(int)error] : error.ToString();

    public static string OutcomeOf(Access access) => access.Outcome switch
    {
        AccessOutcome.Ok => Ok[(byte)access.Value],
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
            CultureInfo.InvariantCulture,
            $"{{\"ev\":\"remap\",\"from\":\"0x{m.From:x}\",\"to\":\"0x{m.To:x}\",\"len\":\"0x{m.Length:x}\"}}"),
        UffdEvent.Remove => string.Create(
            CultureInfo.InvariantCulture, $"{{\"ev\":\"remove\",\"start\":\"0x{m.Start:x}\",\"end\":\"0x{m.End:x}\"}}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{{\"ev\":\"unmap\",\"start\":\"0x{m.Start:x}\",\"end\":\"0x{m.End:x}\"}}"),
    };

    public static FileContent ContentOf(int number, MemoryFile file)
    {
        if (file.PageShift != PageSize.BaseShift) return new FileContent(number, file.Bytes, null);
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
        _ when entry.Kind == EntryKind.Zero => UniformBase[0],
        _ => Runs((RunFolios)vma.Store, entry.Folio, vma.PageBytes),
    };

    private static string Runs(RunFolios store, uint folio, int bytes)
    {
        IReadOnlyList<(int Start, byte Value)> runs = store.RunsOf(folio);
        if (runs.Count == 1)
        {
            if (bytes == PageSize.Base) return UniformBase[runs[0].Value];
            if (bytes == PageSize.Huge) return UniformHuge[runs[0].Value];
        }

        StringBuilder text = new();
        for (int i = 0; i < runs.Count && runs[i].Start < bytes; i++)
        {
            int end = i + 1 < runs.Count ? Math.Min(runs[i + 1].Start, bytes) : bytes;
            if (i > 0) _ = text.Append(',');
            _ = text.Append(Runs(end - runs[i].Start, runs[i].Value));
        }

        return text.ToString();
    }

    private static string Runs(int count, int value) => string.Create(CultureInfo.InvariantCulture, $"{count}*{value}");

    private static string[] MakeErrnoNames()
    {
        string[] names = new string[(int)Enum.GetValues<Errno>().Max() + 1];
        for (int i = 0; i < names.Length; i++) names[i] = ((Errno)i).ToString();
        return names;
    }
}
