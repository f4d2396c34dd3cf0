using System.Globalization;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Memory;

/// <summary>
/// The file behind a shared mapping whose descriptor was not handed over: <c>/proc/PID/map_files</c> has it, for those with
/// CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
/// </summary>
internal static class MappedFile
{
    /// <summary>Opens it.</summary>
    /// <param name="process">Process that has mapped it; null for this one.</param>
    /// <param name="address">An address of the mapping.</param>
    /// <param name="bytes">Bytes of the memory from there on.</param>
    /// <param name="backing">What it is.</param>
    /// <returns>The file, and the byte of it at which the address is; null if there is none, or it may not be opened.</returns>
    public static (MemoryObject File, long Offset)? TryOpen(int? process, ulong address, long bytes, MemoryBacking backing)
    {
        string folder = process is { } number ? ProcessFolder.Of(number) : "/proc/self";
        try
        {
            foreach (string line in File.ReadLines(folder + "/maps"))
            {
                string[] fields = line.Split(' ', 4);
                string[] range = fields[0].Split('-');
                ulong start = Hex(range[0]);
                if (address < start || address >= Hex(range[1])) continue;
                using FileHandle? handle = FileHandle.TryOpen($"{folder}/map_files/{start:x}-{Hex(range[1]):x}", Fd.O_RDWR, out _);
                if (handle is null) return null;
                long offset = (long)(Hex(fields[2]) + (address - start));
                CallResult copy = RawCalls.Duplicate(handle.Number);
                return copy.Error == Errno.None ? (MemoryObject.Adopt((int)copy.Return, backing, offset + bytes), offset) : null;
            }
        }
        catch (IOException)
        {
            // The process has ended.
        }

        return null;
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
