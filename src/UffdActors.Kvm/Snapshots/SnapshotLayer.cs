using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// One memory file of a chain, read by need and never written. It has to stay what it was when it was opened; once it was written to,
/// nothing is read from it any more.
/// </summary>
/// <remarks>Any thread.</remarks>
internal sealed class SnapshotLayer : IDisposable
{
    private readonly InputFile _file;

    private SnapshotLayer(string path, InputFile file)
    {
        Path = path;
        _file = file;
        Stored = new StoredRanges(file.Stored(), file.Length);
    }

    /// <summary>Its name.</summary>
    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Bytes => _file.Length;

    /// <summary>Which pages are stored in it.</summary>
    public StoredRanges Stored { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="InputFileException">It cannot be read.</exception>
    public static SnapshotLayer Open(string path)
    {
        InputFile file = InputFile.Open(path);
        try
        {
            return new SnapshotLayer(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads pages, and checks that they are those of the file that was opened.</summary>
    /// <param name="page">First page.</param>
    /// <param name="room">Where they go: whole pages.</param>
    /// <exception cref="InputFileException">The file has changed, or cannot be read.</exception>
    public void Read(long page, Span<byte> room)
    {
        _file.Read(page << PageSize.BaseShift, room);
        // After the read: what was changed before it shows.
        _file.CheckUnchanged();
    }

    /// <summary>Reads pages if the kernel has them in memory; false where it would have to wait, or where something is wrong.</summary>
    public bool TryReadCached(long page, Span<byte> room)
    {
        if (!_file.TryReadCached(page << PageSize.BaseShift, room)) return false;
        try
        {
            _file.CheckUnchanged();
            return true;
        }
        catch (InputFileException)
        {
            return false;
        }
    }

    /// <exception cref="InputFileException">The file is another than when it was opened.</exception>
    public void CheckUnchanged() => _file.CheckUnchanged();

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();
}
