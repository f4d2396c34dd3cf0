using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// What a guest's pages hold, without a fault: a page that is there (in swap too), zeros for one that the guest has given back, and for one
/// that was never there what its source has.
/// </summary>
/// <param name="vm">The guest's VM.</param>
/// <param name="memory">Its memory.</param>
/// <param name="userfault">Its userfaultfd.</param>
/// <param name="source">Content of a page at the source.</param>
/// <remarks>Any thread: each has a reader of its own.</remarks>
internal sealed class GuestPages(UffdVm vm, GuestRegion memory, Userfault userfault, KvmPageContent source)
{
    private const int ChunkPages = 64;

    private readonly ThreadLocal<GuestReader> _readers = new(vm.NewReader);

    /// <summary>Copies a page out.</summary>
    /// <returns>True if it was never there: its content is the source's.</returns>
    public bool Read(long page, Span<byte> room)
    {
        if (_readers.Value!.TryRead(memory, page, room)) return false;
        if (userfault.NotedStateOf(memory, page) == PageState.Removed)
        {
            room.Clear();
            return false;
        }

        source(page, room);
        return true;
    }

    /// <summary>Writes pages into a snapshot; no vCPU may run.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="ranges">Which.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    public void CopyTo(SnapshotWriter writer, IReadOnlyList<PageRange> ranges, CancellationToken cancel)
    {
        byte[] chunk = new byte[ChunkPages << PageSize.BaseShift];
        foreach (PageRange range in ranges)
        {
            for (long page = range.Start; page < range.End; page += ChunkPages)
            {
                cancel.ThrowIfCancellationRequested();
                Span<byte> bytes = chunk.AsSpan(0, (int)Math.Min(ChunkPages, range.End - page) << PageSize.BaseShift);
                ReadAll(page, bytes);
                writer.Write(page, bytes);
            }
        }
    }

    /// <summary>Copies pages out.</summary>
    /// <param name="page">First page.</param>
    /// <param name="room">Whole pages.</param>
    public void ReadAll(long page, Span<byte> room)
    {
        if (_readers.Value!.TryReadPages(memory, page, room)) return;
        for (int done = 0; done < room.Length; done += PageSize.Base)
            _ = Read(page + (done >> PageSize.BaseShift), room.Slice(done, PageSize.Base));
    }
}
