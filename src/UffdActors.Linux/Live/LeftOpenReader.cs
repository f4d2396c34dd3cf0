using UffdActors.Abi;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.Waiting;

namespace UffdActors.Linux.Live;

/// <summary>
/// Reads a userfaultfd that is left open: a thread that forks, unmaps, moves or gives back its memory waits in the kernel until the event
/// has been read, and nothing else reads it. Faults are not resolved: their threads stay asleep, unless their address is unmapped, which
/// wakes them (SIGSEGV).
/// </summary>
/// <remarks>One thread for each: a userfaultfd is left open in exceptional cases only.</remarks>
internal sealed class LeftOpenReader : IDisposable
{
    private const int MessagesPerRead = 16;
    private const ulong EndKey = 0;
    private const ulong ReadableKey = 1;

    // A FORK event stays queued while this process has no descriptor free for the child's userfaultfd; the read is repeated after this
    // time.
    private static readonly TimeSpan ForkRetry = TimeSpan.FromMilliseconds(100);

    private readonly UffdDescriptor _uffd;
    private readonly ForkedChildren _children;
    private readonly Action<SyscallException> _failed;
    private readonly EventSignal _end = new();
    private readonly Thread _thread;

    /// <param name="uffd">The userfaultfd.</param>
    /// <param name="children">Where children of forks go.</param>
    /// <param name="failed">It cannot be read any more.</param>
    public LeftOpenReader(UffdDescriptor uffd, ForkedChildren children, Action<SyscallException> failed)
    {
        _uffd = uffd;
        _children = children;
        _failed = failed;
        _thread = new Thread(ReadOn) { IsBackground = true, Name = $"uffd-left-{uffd.Handle.Number}" };
        _thread.Start();
    }

    /// <summary>Reads no more from when this returns.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }

    // An exception that leaves a thread of its own would end the embedder's process.
    private void ReadOn()
    {
        try
        {
            Run();
        }
        catch (ObjectDisposedException)
        {
            // Closed by other code that has the number: there is nothing left to read.
        }
        catch (SyscallException e)
        {
            _failed(e);
        }
    }

    private void Run()
    {
        using MessageBatch batch = new(MessagesPerRead);
        using PollSet poll = new();
        poll.Add(_end.Handle, EndKey);
        poll.Add(_uffd.Handle, ReadableKey);
        Span<ulong> keys = stackalloc ulong[2];
        TimeSpan timeout = Timeout.InfiniteTimeSpan;
        while (true)
        {
            int found = poll.WaitReadable(keys, timeout);
            if (keys[..found].Contains(EndKey)) return;
            Errno error = _uffd.Read(batch);
            for (int i = 0; i < batch.Count; i++) Take(batch[i]);
            bool lacksDescriptors = error is Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM;
            poll.SetMuted(_uffd.Handle, lacksDescriptors);
            timeout = lacksDescriptors ? ForkRetry : Timeout.InfiniteTimeSpan;
            if (error is not (Errno.None or Errno.EAGAIN) && !lacksDescriptors) throw new SyscallException("read(userfaultfd)", error);
        }
    }

    private void Take(in UffdMsg message)
    {
        switch (message.Event)
        {
            case UffdEvent.Fork:
                _children.Add((int)message.ForkDescriptor);
                break;
            case UffdEvent.Remove:
                _children.Remove(message.Start, message.End);
                break;
            case UffdEvent.Unmap:
                _ = _uffd.Wake(message.Start, (long)(message.End - message.Start));
                break;
            case UffdEvent.Remap:
                _ = _uffd.Wake(message.From, (long)message.Length);
                break;
        }
    }
}
