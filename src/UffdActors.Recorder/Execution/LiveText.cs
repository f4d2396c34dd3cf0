using System.Globalization;
using System.Text;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;

namespace UffdActors.Recorder.Execution;

/// <summary>A program's state, from <c>/proc</c> and its files, in the format of a trace.</summary>
internal sealed class LiveText(TraceHeader header)
{
    // One entry of smaps is about 700 bytes. The arena lies below everything else that a process has, so reading ends early if it is done
    // in small pieces.
    private const int SmapsPiece = 4096;
    private readonly byte[] _piece = new byte[SmapsPiece];
    private readonly StringBuilder _text = new();

    /// <summary>The VMAs of the arena: range, protection, modes, backing, page states, one line each.</summary>
    public IReadOnlyList<LiveVma> ReadVmas()
    {
        List<LiveVma> vmas = [];
        using FileStream smaps = new("/proc/self/smaps", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        StringBuilder rest = new();
        LiveVma? current = null;
        while (smaps.Read(_piece) is > 0 and int count)
        {
            _ = rest.Append(Encoding.ASCII.GetString(_piece, 0, count));
            string text = rest.ToString();
            int last = text.LastIndexOf('\n');
            if (last < 0) continue;
            rest.Clear().Append(text, last + 1, text.Length - last - 1);
            foreach (ReadOnlySpan<char> line in text.AsSpan(0, last).EnumerateLines())
            {
                if (IsHeading(line))
                {
                    current = LiveVma.Parse(line);
                    if (current.Start >= header.ArenaEnd) return vmas;
                    if (current.Start >= header.ArenaStart) vmas.Add(current);
                }
                else if (current is not null && line.StartsWith("VmFlags:"))
                {
                    current.Modes = ModesOf(line);
                }
            }
        }

        return vmas;
    }

    /// <summary>The VMA list of a step.</summary>
    public string Lines(IReadOnlyList<LiveVma> vmas, Func<int, bool> isHuge)
    {
        _text.Clear();
        Span<ulong> entry = stackalloc ulong[1];
        using FileStream pagemap = new("/proc/self/pagemap", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        foreach (LiveVma vma in vmas)
        {
            if (_text.Length > 0) _ = _text.Append('\n');
            _ = _text.Append(CultureInfo.InvariantCulture, $"{vma.Start:x}-{vma.End:x} {vma.Perm} {vma.Modes} ");
            _ = vma.File is { } file ? _text.Append(CultureInfo.InvariantCulture, $"f{file}+{vma.Offset:x} ") : _text.Append("anon ");
            ulong stride = StrideOf(vma, isHuge);
            for (ulong address = vma.Start; address < vma.End; address += stride)
            {
                pagemap.Position = (long)(address >> PageSize.BaseShift) * sizeof(ulong);
                pagemap.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(entry));
                _ = _text.Append(Digit(entry[0]));
            }
        }

        return _text.ToString();
    }

    /// <summary>Bytes of a page of a VMA.</summary>
    public static ulong StrideOf(LiveVma vma, Func<int, bool> isHuge) =>
        vma.File is { } file && isHuge(file) ? (ulong)PageSize.Huge : (ulong)PageSize.Base;

    /// <summary>A file as a step shows it.</summary>
    public static FileState StateOf(int number, int descriptor, bool huge)
    {
        long bytes = SizeOf(descriptor);
        StringBuilder data = new();
        for (long at = 0; !huge && at < bytes; at += PageSize.Base) _ = data.Append(HasData(descriptor, at) ? '1' : '0');
        return new FileState(number, bytes, RawCalls.AllocatedBytes(descriptor) / PageSize.Base, data.ToString());
    }

    /// <summary>Size of a file.</summary>
    public static long SizeOf(int descriptor) => RawCalls.Seek(descriptor, 0, 2).Return;

    /// <summary>True if SEEK_DATA finds data in a page.</summary>
    public static bool HasData(int descriptor, long offset) => RawCalls.Seek(descriptor, offset, Fd.SEEK_DATA).Return == offset;

    /// <summary>Content as run-length text.</summary>
    public static string Runs(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        for (int start = 0; start < bytes.Length;)
        {
            int length = bytes[start..].IndexOfAnyExcept(bytes[start]);
            if (length < 0) length = bytes.Length - start;
            if (start > 0) _ = text.Append(',');
            _ = text.Append(CultureInfo.InvariantCulture, $"{length}*{bytes[start]}");
            start += length;
        }

        return text.ToString();
    }

    private static char Digit(ulong entry)
    {
        ulong digit = (((entry >> 63) & 1) * 8) + (((entry >> 62) & 1) * 4) + (((entry >> 61) & 1) * 2) + ((entry >> 57) & 1);
        return "0123456789abcdef"[(int)digit];
    }

    // "100000000000-100000002000 rw-p ..." against "Size:  8 kB".
    private static bool IsHeading(ReadOnlySpan<char> line)
    {
        int dash = line.IndexOf('-');
        int colon = line.IndexOf(':');
        return dash > 0 && (colon < 0 || dash < colon) && char.IsAsciiHexDigitLower(line[0]);
    }

    private static string ModesOf(ReadOnlySpan<char> flags)
    {
        string modes = (flags.Contains(" um", StringComparison.Ordinal) ? "M" : "")
            + (flags.Contains(" uw", StringComparison.Ordinal) ? "W" : "")
            + (flags.Contains(" ui", StringComparison.Ordinal) ? "I" : "");
        return modes.Length == 0 ? "-" : modes;
    }
}
