using System.Runtime.InteropServices;

namespace UffdActors.Model.Memory;

/// <summary>
/// Native memory that only grows and is given back as a whole. Safe for any thread; allocating is off the fault path
/// (one block serves hundreds of leaves), so a lock is enough.
/// </summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private const nuint Alignment = 64;
    private const nuint FirstBlock = 16 * 1024;
    private const nuint LargestBlock = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly List<nint> _blocks = [];
    private byte* _next;
    private nuint _left;
    private nuint _blockSize = FirstBlock;
    private long _allocated;

    ~NativeArena() => Free();

    /// <summary>Bytes handed out. The rest of the latest block has not been touched, so it is not committed.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocated);

    /// <summary>Zeroed memory, aligned to a cache line.</summary>
    public nint AllocateZeroed(int bytes)
    {
        nuint size = ((nuint)bytes + Alignment - 1) & ~(Alignment - 1);
        lock (_gate)
        {
            if (size > _left) AddBlock(size);
            byte* result = _next;
            _next += size;
            _left -= size;
            _allocated += (long)size;
            return (nint)result;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void AddBlock(nuint atLeast)
    {
        nuint size = Math.Max(_blockSize, atLeast + Alignment);
        // calloc: large blocks are fresh zero pages of the kernel, not committed until touched.
        byte* block = (byte*)NativeMemory.AllocZeroed(size);
        _blocks.Add((nint)block);
        nuint skew = (Alignment - ((nuint)block & (Alignment - 1))) & (Alignment - 1);
        _next = block + skew;
        _left = size - skew;
        // Small machines (thousands a second under exploration) stay small; large ones reach large blocks soon.
        _blockSize = Math.Min(_blockSize * 2, LargestBlock);
    }

    private void Free()
    {
        lock (_gate)
        {
            foreach (nint block in _blocks) NativeMemory.Free((void*)block);
            _blocks.Clear();
            _left = 0;
            _allocated = 0;
        }
    }
}
