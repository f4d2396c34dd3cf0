using System.Buffers.Binary;

namespace UffdActors.Watchdog.Tests;

public class BoardSnapshotTests
{
    [Fact]
    public void A_board_that_is_none_or_of_another_version_or_too_short_is_refused()
    {
        byte[] board = Board();
        Assert.Null(BoardSnapshot.Refusal(board));
        Assert.Contains("has 10 bytes", BoardSnapshot.Refusal(board.AsSpan(0, 10)), StringComparison.Ordinal);
        Put(board, BoardLayout.Version, 2);
        Assert.Contains("version 2", BoardSnapshot.Refusal(board), StringComparison.Ordinal);
        board[0]++;
        Assert.Equal("it is no board", BoardSnapshot.Refusal(board));
    }

    [Fact]
    public void A_slot_that_nobody_has_or_that_is_being_written_is_left_out()
    {
        byte[] board = Board();
        Assert.Empty(BoardSnapshot.Read(board, board));
        int slot = BoardLayout.OffsetOf(BoardLayout.Slots - 1);
        Put(board, slot + BoardLayout.Generation, 3);
        Assert.Equal(BoardLayout.Slots - 1, Assert.Single(BoardSnapshot.Read(board, board)).Slot);

        byte[] other = [.. board];
        other[slot + BoardLayout.Beats]++;
        Assert.Single(BoardSnapshot.Read(board, other));
        other[slot + BoardLayout.Address]++;
        Assert.Empty(BoardSnapshot.Read(board, other));
        Put(board, slot + BoardLayout.Sequence, 1);
        Assert.Empty(BoardSnapshot.Read(board, board));
    }

    [Fact]
    public void Fields_of_a_slot_do_not_overlap_and_fill_it()
    {
        (int Offset, int Bytes)[] fields =
        [
            (BoardLayout.Sequence, 4), (BoardLayout.Generation, 4), (BoardLayout.Beats, 8), (BoardLayout.Descriptor, 4),
            (BoardLayout.Kills, 4), (BoardLayout.Deadline, 8),
            (BoardLayout.Raised, 8), (BoardLayout.FaultId, 8), (BoardLayout.Address, 8), (BoardLayout.Page, 8), (BoardLayout.Region, 4),
            (BoardLayout.Thread, 4),
            (BoardLayout.Name, BoardLayout.NameBytes),
        ];
        int end = 0;
        foreach ((int offset, int bytes) in fields)
        {
            Assert.Equal(end, offset);
            Assert.Equal(0, offset % Math.Min(bytes, 8));
            end += bytes;
        }

        Assert.Equal(BoardLayout.SlotBytes, end);
        Assert.Equal(0, BoardLayout.Bytes % 4096);
        Assert.Equal("uffdwtch"u8.ToArray(), BitConverter.GetBytes(BoardLayout.MagicWord));
    }

    private static byte[] Board()
    {
        byte[] board = new byte[BoardLayout.Bytes];
        BinaryPrimitives.WriteInt64LittleEndian(board, BoardLayout.MagicWord);
        Put(board, BoardLayout.Version, BoardLayout.CurrentVersion);
        return board;
    }

    private static void Put(byte[] board, int offset, int value) => BinaryPrimitives.WriteInt32LittleEndian(board.AsSpan(offset), value);
}
