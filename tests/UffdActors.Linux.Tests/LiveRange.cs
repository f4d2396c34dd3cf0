using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.Waiting;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests;

/// <summary>Memory registered with a userfaultfd of the kernel, and its messages one by one.</summary>
internal sealed class LiveRange : IDisposable
{
    private readonly PollSet _poll = new();
    private readonly MessageBatch _batch = new(1);
    private readonly ulong[] _keys = new ulong[1];

    public LiveRange(GuestMemory memory, RegisterModes modes, UffdFeatures features = UffdFeatures.None)
    {
        Memory = memory;
        Uffd = UffdDescriptor.Open();
        Assert.Equal(Errno.None, Uffd.Handshake(features, out _));
        Assert.Equal(Errno.None, Uffd.Register(memory.Address, memory.Bytes, modes, out UffdIoctls ioctls));
        Ioctls = ioctls;
        _poll.Add(Uffd.Handle, 0);
    }

    public UffdDescriptor Uffd { get; }

    public GuestMemory Memory { get; }

    public UffdIoctls Ioctls { get; }

    public static LiveRange Of(MemoryBacking backing, int pages, RegisterModes modes, UffdFeatures features = UffdFeatures.None)
    {
        long bytes = (long)pages * PageSize.Base;
        if (backing == MemoryBacking.Anonymous) return new LiveRange(GuestMemory.MapAnonymous(bytes), modes, features);
        using MemoryObject file = MemoryObject.CreateShmem("test", bytes);
        return new LiveRange(GuestMemory.Map(file, 0, bytes), modes, features);
    }

    /// <summary>Waits until there is a message.</summary>
    public void WaitUntilReadable()
    {
        while (_poll.WaitReadable(_keys, Timeout.InfiniteTimeSpan) == 0)
        {
            // A signal came instead.
        }
    }

    /// <summary>The next message, when it comes.</summary>
    public UffdMsg NextMessage()
    {
        WaitUntilReadable();
        Assert.Equal(Errno.None, Uffd.Read(_batch));
        Assert.Equal(1, _batch.Count);
        return _batch[0];
    }

    public void Dispose()
    {
        Uffd.Dispose();
        Memory.Dispose();
        _poll.Dispose();
        _batch.Dispose();
    }
}

/// <summary>A thread that touches memory once.</summary>
internal sealed class Toucher
{
    private readonly Thread _thread;
    private readonly TaskCompletionSource<int> _threadId = new();
    private ulong _value;

    private Toucher(Func<ulong> touch)
    {
        _thread = new Thread(() =>
        {
            _threadId.SetResult(Machine.ThreadPlacement.ThreadId);
            _value = touch();
        })
        { IsBackground = true };
        _thread.Start();
    }

    public int ThreadId => _threadId.Task.GetAwaiter().GetResult();

    public static Toucher Reads(GuestMemory memory, long offset) => new(() => memory.ReadWord(offset));

    public static Toucher Writes(GuestMemory memory, long offset, ulong value) => new(() =>
    {
        memory.WriteWord(offset, value);
        return value;
    });

    /// <summary>What the touch came to, when it is through.</summary>
    public ulong Value()
    {
        _thread.Join();
        return _value;
    }
}
