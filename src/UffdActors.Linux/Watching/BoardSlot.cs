using UffdActors.Handling;
using UffdActors.Watchdog;

namespace UffdActors.Linux.Watching;

/// <summary>
/// A userfaultfd's slot of the board. Its fault loop counts a beat with every pass, and publishes the oldest outstanding fault whenever
/// that changes: plain stores into mapped memory, no system call.
/// </summary>
internal sealed unsafe class BoardSlot : FaultWatch
{
    private readonly FaultBoard _board;
    private readonly byte* _slot;
    private long _beats;
    private bool _isFreed;

    public BoardSlot(FaultBoard board, int number, byte* slot, int generation, int descriptor, WatchdogOptions options)
    {
        _board = board;
        _slot = slot;
        Number = number;
        Begin();
        Set(BoardLayout.Descriptor, descriptor);
        Set(BoardLayout.Kills, options.Policy == WatchdogPolicy.Kill ? 1 : 0);
        Set(BoardLayout.Deadline, options.Deadline.Ticks * TimeSpan.NanosecondsPerTick);
        Set(BoardLayout.Raised, 0L);
        Set(BoardLayout.Beats, 0L);
        Set(BoardLayout.Generation, generation);
        End();
    }

    /// <summary>Its number on the board.</summary>
    public int Number { get; }

    /// <summary>Counts a pass of the fault loop.</summary>
    public void Beat() => Set(BoardLayout.Beats, ++_beats);

    /// <summary>The userfaultfd is closed. On the fault loop, as everything here.</summary>
    public void Free()
    {
        if (_isFreed) return;
        _isFreed = true;
        Begin();
        Set(BoardLayout.Generation, 0);
        End();
        _board.Free(this);
    }

    /// <inheritdoc />
    protected override void Publish(PageRequest? oldest)
    {
        // A handler may still give up a page when the context's actor has ended.
        if (_isFreed) return;
        Begin();
        if (oldest is null)
        {
            Set(BoardLayout.Raised, 0L);
        }
        else
        {
            Set(BoardLayout.Raised, oldest.Raised);
            Set(BoardLayout.FaultId, oldest.Id);
            Set(BoardLayout.Address, (long)oldest.Address);
            Set(BoardLayout.Page, oldest.Page);
            Set(BoardLayout.Region, oldest.Region.Id);
            Set(BoardLayout.Thread, (int)oldest.Thread);
        }

        End();
    }

    // Volatile stores are not moved past each other: a reader that sees the sequence number sees what was stored before it.
    private void Begin() => Set(BoardLayout.Sequence, *(int*)(_slot + BoardLayout.Sequence) | 1);

    private void End() => Set(BoardLayout.Sequence, *(int*)(_slot + BoardLayout.Sequence) + 1);

    private void Set(int offset, int value) => Volatile.Write(ref *(int*)(_slot + offset), value);

    private void Set(int offset, long value) => Volatile.Write(ref *(long*)(_slot + offset), value);
}
