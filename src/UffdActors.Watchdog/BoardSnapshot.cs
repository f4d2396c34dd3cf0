using System.Buffers.Binary;
using System.Text;

namespace UffdActors.Watchdog;

/// <summary>Reads a copy of the board.</summary>
internal static class BoardSnapshot
{
    /// <summary>Why a board cannot be read; null if it can.</summary>
    public static string? Refusal(ReadOnlySpan<byte> board)
    {
        if (board.Length < BoardLayout.Bytes) return $"it has {board.Length} bytes, not {BoardLayout.Bytes}";
        if (Long(board, BoardLayout.Magic) != BoardLayout.MagicWord) return "it is no board";
        int version = Int(board, BoardLayout.Version);
        return version == BoardLayout.CurrentVersion
            ? null
            : $"it has version {version}, this program understands version {BoardLayout.CurrentVersion}";
    }

    /// <summary>The userfaultfds on the board.</summary>
    /// <param name="first">A copy.</param>
    /// <param name="second">
    /// A copy begun when the first was complete. Slots that differ were being written, and are left to the next poll.
    /// </param>
    public static List<WatchedUserfault> Read(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        List<WatchedUserfault> found = [];
        for (int i = 0; i < BoardLayout.Slots; i++)
        {
            ReadOnlySpan<byte> slot = first.Slice(BoardLayout.OffsetOf(i), BoardLayout.SlotBytes);
            if (Int(slot, BoardLayout.Generation) != 0 && IsWhole(slot, second.Slice(BoardLayout.OffsetOf(i), BoardLayout.SlotBytes)))
                found.Add(Slot(i, slot));
        }

        return found;
    }

    private static bool IsWhole(ReadOnlySpan<byte> slot, ReadOnlySpan<byte> again) =>
        Int(slot, BoardLayout.Sequence) % 2 == 0
        && slot[..BoardLayout.Beats].SequenceEqual(again[..BoardLayout.Beats])
        && slot[BoardLayout.Descriptor..].SequenceEqual(again[BoardLayout.Descriptor..]);

    private static WatchedUserfault Slot(int number, ReadOnlySpan<byte> slot)
    {
        long raised = Long(slot, BoardLayout.Raised);
        OutstandingFault? oldest = raised == 0 ? null : new OutstandingFault(
            Long(slot, BoardLayout.FaultId),
            raised,
            (ulong)Long(slot, BoardLayout.Address),
            Int(slot, BoardLayout.Region),
            Long(slot, BoardLayout.Page),
            Int(slot, BoardLayout.Thread));
        return new WatchedUserfault(
            number,
            Int(slot, BoardLayout.Generation),
            Encoding.UTF8.GetString(slot.Slice(BoardLayout.Name, BoardLayout.NameBytes).TrimEnd((byte)0)),
            Int(slot, BoardLayout.Descriptor),
            Long(slot, BoardLayout.Beats),
            Long(slot, BoardLayout.Deadline),
            Int(slot, BoardLayout.Kills) != 0,
            oldest);
    }

    private static int Int(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadInt32LittleEndian(bytes[offset..]);

    private static long Long(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadInt64LittleEndian(bytes[offset..]);
}
