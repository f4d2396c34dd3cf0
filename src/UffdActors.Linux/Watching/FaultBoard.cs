using System.Text;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Watchdog;

namespace UffdActors.Linux.Watching;

/// <summary>
/// The runtime's side of the board: a memfd, mapped here for writing, which the watchdog opens by <c>/proc</c> for reading. Its memory is
/// ordinary memory of ours and is never registered, so storing into it cannot wait for a page.
/// </summary>
/// <remarks>Slots are taken and freed from any thread; each is written by the fault loop of its userfaultfd.</remarks>
internal sealed unsafe class FaultBoard : IDisposable
{
    private readonly MemoryObject _memory = MemoryObject.CreateShmem("uffd-watchdog", BoardLayout.Bytes);
    private readonly byte* _board;
    private readonly bool[] _taken = new bool[BoardLayout.Slots];
    private readonly int[] _generations = new int[BoardLayout.Slots];
    private bool _disposed;

    /// <summary>Makes a board without userfaultfds.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public FaultBoard()
    {
        nint address = Libc.MMap(0, BoardLayout.Bytes, Mm.PROT_READ | Mm.PROT_WRITE, Mm.MAP_SHARED, _memory.Handle.Number, 0);
        if (address == Mm.MAP_FAILED)
        {
            Errno error = Libc.LastError;
            _memory.Dispose();
            throw new SyscallException("mmap(the watchdog's board)", error);
        }

        _board = (byte*)address;
        *(int*)(_board + BoardLayout.Version) = BoardLayout.CurrentVersion;
        *(int*)(_board + BoardLayout.SlotCount) = BoardLayout.Slots;
        Volatile.Write(ref *(long*)(_board + BoardLayout.Magic), BoardLayout.MagicWord);
    }

    /// <summary>Number of its descriptor in this process.</summary>
    public int Descriptor => _memory.Handle.Number;

    /// <summary>Takes a slot for a userfaultfd.</summary>
    /// <param name="name">Its name in reports.</param>
    /// <param name="descriptor">Its number in this process.</param>
    /// <param name="options">Deadline and policy.</param>
    /// <exception cref="UffdConfigurationException">There is no slot left.</exception>
    public BoardSlot Take(string name, int descriptor, WatchdogOptions options)
    {
        lock (_taken)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            int number = Array.IndexOf(_taken, false);
            if (number < 0)
                throw new UffdConfigurationException(
                    $"A watchdog watches {BoardLayout.Slots} userfaultfds at once; close one, or serve this one without a watchdog.");
            _taken[number] = true;
            byte* slot = _board + BoardLayout.OffsetOf(number);
            Span<byte> text = new(slot + BoardLayout.Name, BoardLayout.NameBytes);
            text.Clear();
            _ = Encoding.UTF8.TryGetBytes(name.Length <= text.Length ? name : name[..text.Length], text, out _);
            return new BoardSlot(this, number, slot, ++_generations[number], descriptor, options);
        }
    }

    /// <summary>The slot may be taken by another userfaultfd from now on.</summary>
    public void Free(BoardSlot slot)
    {
        lock (_taken) _taken[slot.Number] = false;
    }

    /// <summary>Unmaps it, unless a fault loop could not be stopped and still writes to it.</summary>
    public void Dispose()
    {
        lock (_taken)
        {
            if (_disposed) return;
            _disposed = true;
            if (!_taken.Contains(true)) _ = Libc.MUnmap((nint)_board, BoardLayout.Bytes);
        }

        _memory.Dispose();
    }
}
