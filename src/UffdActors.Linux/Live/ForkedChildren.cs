using UffdActors.Abi;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Live;

/// <summary>
/// Userfaultfds of forked children, until the embedder takes them to serve the child. They stay open, for the last close would turn the
/// child's absent pages into zeros; only that of a child that has ended, or executes something else, is closed. Safe for any thread.
/// </summary>
internal sealed class ForkedChildren
{
    // mmap_min_addr: the kernel takes it as the start of a range, and nothing is mapped there.
    private const ulong NothingThere = 0x10000;

    private readonly Lock _gate = new();

    // Numbers, not handles: nothing closes them when the VM and this are gone.
    private readonly List<int> _waiting = [];

    /// <summary>A child has come with an event.</summary>
    public void Add(int descriptor)
    {
        lock (_gate)
        {
            // A process that forks all the time must not run out of descriptors by that.
            CloseEnded();
            _waiting.Add(descriptor);
        }
    }

    /// <summary>Descriptors of the children that are still there, oldest first; from here on they are the caller's.</summary>
    public IReadOnlyList<int> Take()
    {
        lock (_gate)
        {
            CloseEnded();
            int[] taken = [.. _waiting];
            _waiting.Clear();
            return taken;
        }
    }

    /// <summary>True if the address space behind a userfaultfd is no more: no thread is left that could see zeros.</summary>
    public static unsafe bool HasEnded(int descriptor)
    {
        // ENOENT while there is one, ESRCH when it is gone (measured on 6.18; poll says nothing of it).
        UffdioContinue call = new() { Range = new UffdioRange { Start = NothingThere, Len = (ulong)Environment.SystemPageSize } };
        return RawCalls.Ioctl(descriptor, UffdioCommand.Continue, (ulong)&call).Error == Errno.ESRCH;
    }

    private void CloseEnded() => _waiting.RemoveAll(descriptor =>
    {
        if (!HasEnded(descriptor)) return false;
        _ = RawCalls.Close(descriptor);
        return true;
    });
}
