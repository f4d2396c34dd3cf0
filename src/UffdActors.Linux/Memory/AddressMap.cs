using System.Globalization;
using System.Text;
using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Memory;

/// <summary>The mappings of a process.</summary>
/// <remarks>
/// Used when a mapping was refused: then there may be tens of thousands of mappings and no room for another. So the lines are read through
/// one small buffer, and lines outside the range allocate nothing.
/// </remarks>
internal static class AddressMap
{
    /// <summary>How many this process has, and how long the longest free range is.</summary>
    public static (long Count, ulong LargestGap) Measure()
    {
        long count = 0;
        ulong end = PageSize.Base;
        ulong gap = 0;
        Visit("/proc/self/maps", line =>
        {
            if (!TryParse(line, out ulong start, out ulong next)) return;
            // The kernel's own page, which does not count.
            if (start > PageSize.TaskSize) return;
            count++;
            if (start > end) gap = Math.Max(gap, start - end);
            end = next;
        });
        return (count, Math.Max(gap, end < PageSize.TaskSize ? PageSize.TaskSize - end : 0));
    }

    /// <summary>What is mapped in a range, ascending.</summary>
    /// <param name="process">Number of the process, or "self".</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind.</param>
    public static IReadOnlyList<MappedRange> In(string process, ulong start, ulong end)
    {
        List<MappedRange> found = [];
        Visit($"/proc/{process}/maps", line =>
        {
            if (TryParse(line, out ulong first, out ulong next) && first < end && next > start)
                found.Add(new MappedRange(first, next, NameOf(line)));
        });
        return found;
    }

    /// <summary>Bytes of a page of what is mapped at an address (<c>KernelPageSize</c>); 0 if nothing is.</summary>
    public static long PageBytesAt(string process, ulong address)
    {
        const string Field = "KernelPageSize:";
        bool isHere = false;
        foreach (string line in File.ReadLines($"/proc/{process}/smaps"))
        {
            if (TryParse(Encoding.ASCII.GetBytes(line), out ulong start, out ulong end)) isHere = start <= address && address < end;
            else if (isHere && line.StartsWith(Field, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(Field.Length).Trim(" kB"), CultureInfo.InvariantCulture) * 1024;
        }

        return 0;
    }

    /// <summary>What the lines <c>VmFlags</c> of a smaps say of a range; null if nothing is mapped there.</summary>
    /// <param name="path">The smaps.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind.</param>
    public static PeerMapping? FlagsIn(string path, ulong start, ulong end)
    {
        RegisterModes modes = RegisterModes.None;
        bool isShared = true;
        bool isAny = false;
        bool isHere = false;
        Visit(path, line =>
        {
            if (TryParse(line, out ulong first, out ulong next))
            {
                isHere = first < end && next > start;
                isAny |= isHere;
            }
            else if (isHere && line.StartsWith("VmFlags:"u8))
            {
                if (line.IndexOf(" um"u8) >= 0) modes |= RegisterModes.Missing;
                if (line.IndexOf(" uw"u8) >= 0) modes |= RegisterModes.WriteProtect;
                if (line.IndexOf(" ui"u8) >= 0) modes |= RegisterModes.Minor;
                isShared &= line.IndexOf(" sh"u8) >= 0;
            }
        });
        return isAny ? new PeerMapping(modes, isShared) : null;
    }

    /// <summary>The mapping of a line, or of one of <c>/proc/PID/smaps</c>: <c>7f00-7f01 rw-p 00000000 00:01 1234   /path</c>.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> line, out ulong start, out ulong end)
    {
        end = 0;
        int dash = line.IndexOf((byte)'-');
        int space = line.IndexOf((byte)' ');
        start = 0;
        return dash > 0 && space > dash
            && ulong.TryParse(line[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out start)
            && ulong.TryParse(line[(dash + 1)..space], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out end);
    }

    /// <summary>What a line says is mapped: behind its fifth field.</summary>
    internal static string NameOf(ReadOnlySpan<byte> line)
    {
        const int FieldsBefore = 5;
        for (int field = 0; field < FieldsBefore; field++)
        {
            int space = line.IndexOf((byte)' ');
            if (space < 0) return "";
            line = line[space..].TrimStart((byte)' ');
        }

        return Encoding.UTF8.GetString(line);
    }

    private static void Visit(string path, Action<ReadOnlySpan<byte>> line)
    {
        byte[] buffer = new byte[1 << 14];
        int held = 0;
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        while (file.Read(buffer, held, buffer.Length - held) is > 0 and int read)
        {
            held += read;
            int begin = 0;
            while (buffer.AsSpan(begin, held - begin).IndexOf((byte)'\n') is >= 0 and int length)
            {
                line(buffer.AsSpan(begin, length));
                begin += length + 1;
            }

            // The rest of a line goes on in what is read next.
            buffer.AsSpan(begin, held - begin).CopyTo(buffer);
            held -= begin;
        }
    }
}
