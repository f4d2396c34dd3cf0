using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Linux.Native;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

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
    private readonly List<AdoptedUserfault> _waiting = [];
    private readonly PageRanges _removed = new();

    /// <summary>A child has come with an event.</summary>
    /// <param name="descriptor">Its userfaultfd.</param>
    /// <param name="removed">What its parent had given back by then, beside what <see cref="Remove"/> was told; null for nothing.</param>
    public void Add(int descriptor, IEnumerable<PageRange>? removed = null)
    {
        lock (_gate)
        {
            // A process that forks all the time must not run out of descriptors by that.
            CloseEnded();
            _waiting.Add(
                new AdoptedUserfault { Descriptor = descriptor, IsOfOtherProcess = true, Removed = [.. removed ?? [], .. _removed.All] });
        }
    }

    /// <summary>The parent has given pages back, and no reader applies its events any more.</summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind it.</param>
    public void Remove(ulong start, ulong end) => _removed.Add(new PageRange(PageSize.PageOf(start), PageSize.PageOf(end)));

    /// <summary>The children that are still there, oldest first; from here on their descriptors are the caller's.</summary>
    public IReadOnlyList<AdoptedUserfault> Take()
    {
        lock (_gate)
        {
            CloseEnded();
            AdoptedUserfault[] taken = [.. _waiting];
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

    private void CloseEnded() => _waiting.RemoveAll(child =>
    {
        if (!HasEnded(child.Descriptor)) return false;
        _ = RawCalls.Close(child.Descriptor);
        return true;
    });
}
