using System.Globalization;
using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// The content of a snapshot as one file in memory, which every clone maps privately: what a clone reads is a page of this file, mapped
/// read-only, and what it writes a copy of its own. It is filled in the background while the clones run already.
/// </summary>
/// <remarks>
/// It is filled by write(2), not through a mapping: the page is locked from the moment that it is in the cache until it has its content, so
/// CONTINUE maps no half page. What no file stores stays a hole.
/// </remarks>
internal sealed class SharedCache : IDisposable
{
    private const int ChunkPages = 64;

    private readonly SnapshotMemory _memory;
    private readonly MemoryObject _file;
    private readonly SafeFileHandle _handle;

    /// <summary>Makes it, empty.</summary>
    public SharedCache(SnapshotMemory memory)
    {
        _memory = memory;
        _file = MemoryObject.CreateShmem("uffd-clones", memory.Pages << PageSize.BaseShift);
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_file.Handle.DangerousGetHandle()}");
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
    }

    /// <summary>Maps it for one clone.</summary>
    public GuestMemory Map() => GuestMemory.Map(_file, 0, _file.Bytes, isShared: false);

    /// <summary>Writes everything into it that the snapshot stores.</summary>
    /// <exception cref="KvmSnapshotException">A file has changed, or cannot be read.</exception>
    public void Fill(CancellationToken cancel)
    {
        byte[] chunk = new byte[ChunkPages << PageSize.BaseShift];
        for (long page = 0; page < _memory.Pages;)
        {
            cancel.ThrowIfCancellationRequested();
            (SnapshotLayer? from, int run) = _memory.RunAt(page, (int)Math.Min(ChunkPages, _memory.Pages - page));
            if (from is not null)
            {
                Span<byte> bytes = chunk.AsSpan(0, run << PageSize.BaseShift);
                _memory.Read(from, page, bytes);
                RandomAccess.Write(_handle, bytes, page << PageSize.BaseShift);
            }

            page += run;
        }
    }

    /// <summary>Bytes of memory that it has, mapped or not.</summary>
    public long AllocatedBytes()
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_handle.DangerousGetHandle()}");
        using Model.Inputs.InputFile file = Model.Inputs.InputFile.Open(path);
        return file.AllocatedBytes;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _handle.Dispose();
        _file.Dispose();
    }
}
