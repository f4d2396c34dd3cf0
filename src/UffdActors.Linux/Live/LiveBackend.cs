using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Live;

/// <summary>How one kind of memory is filled: the ioctl of each fill, with the size of its pages.</summary>
internal class LiveBackend
{
    // Longest copy of zeros in one call: a chunk of the background push, and no longer than a demand may have to wait for.
    private const int ZeroBytes = 64 * PageSize.Base;

    private readonly NativeBuffer _zeros;

    public LiveBackend(int pageBytes)
    {
        PageBytes = pageBytes;
        _zeros = new NativeBuffer(Math.Max(pageBytes, ZeroBytes));
    }

    /// <summary>Bytes of a page.</summary>
    public int PageBytes { get; }

    /// <summary>
    /// The backend of a kind of memory. All take the same ioctls but for ZEROPAGE, for which handlers ask base pages only.
    /// </summary>
    public static LiveBackend Of(MemoryBacking backing) => new(backing == MemoryBacking.Hugetlb ? PageSize.Huge : PageSize.Base);

    /// <summary>
    /// Copies zeros; of a range longer than the buffer of zeros only the beginning, which is reported as a partial success.
    /// </summary>
    private IoctlResult CopyZeros(UffdDescriptor uffd, ulong start, long bytes, FillModes modes)
    {
        IoctlResult result = uffd.Copy(start, (ulong)_zeros.Address, Math.Min(bytes, _zeros.Bytes), modes);
        return result.IsDone && bytes > _zeros.Bytes ? result with { Error = Errno.EAGAIN } : result;
    }

    /// <summary>Frees what it holds.</summary>
    public void Free() => _zeros.Dispose();

    /// <summary>Issues a fill.</summary>
    [MutationPoint("RING F2")]
    internal virtual IoctlResult Fill(UffdDescriptor uffd, IPageFill fill, FillSource source, FillModes modes)
    {
        long bytes = (long)fill.Length;
        return fill.Kind switch
        {
            FillKind.Copy when source.Kind == FillSourceKind.Zero => CopyZeros(uffd, fill.Start, bytes, modes),
            FillKind.Copy when source.Kind == FillSourceKind.Stamp => new IoctlResult(Errno.EINVAL, null),
            FillKind.Copy => uffd.Copy(fill.Start, source.Word, bytes, modes),
            FillKind.ZeroPage => uffd.ZeroPage(fill.Start, bytes),
            FillKind.Continue => uffd.Continue(fill.Start, bytes, modes),
            _ => uffd.Poison(fill.Start, bytes),
        };
    }
}
