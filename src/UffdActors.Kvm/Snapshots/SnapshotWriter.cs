using System.Globalization;
using Microsoft.Win32.SafeHandles;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Writes the two files of a snapshot. They get their names only when both are complete, the state last: until then a snapshot of the same
/// name stays what it was, and a snapshot that was not finished leaves nothing behind.
/// </summary>
/// <remarks><see cref="Write"/> may be called by any thread.</remarks>
internal sealed class SnapshotWriter : IDisposable
{
    private const int SamplePages = 64;

    private readonly string _path;
    private readonly string _partial;
    private readonly SafeFileHandle _file;
    private readonly bool _isLayer;
    private readonly PageMarks _written;
    private bool _isCommitted;

    /// <summary>Makes the memory file, all hole.</summary>
    /// <param name="path">Its name at the end.</param>
    /// <param name="pages">Base pages of the guest's memory.</param>
    /// <param name="isLayer">Pages of zeros are stored: a hole is the parent's page.</param>
    /// <exception cref="KvmSnapshotException">It cannot be made.</exception>
    public SnapshotWriter(string path, long pages, bool isLayer)
    {
        _path = path;
        _partial = Partial(path);
        _isLayer = isLayer;
        _written = new PageMarks(pages);
        try
        {
            if (path.Length == 0 || Directory.Exists(path)) throw new IOException("it is no file");
            // Renamed to, /dev/null would be a file.
            foreach (string old in new[] { path, path + Snapshot.StateSuffix }.Where(File.Exists)) InputFile.Check(old);
            _file = File.OpenHandle(_partial, FileMode.Create, FileAccess.ReadWrite, FileShare.Read);
            RandomAccess.SetLength(_file, pages << PageSize.BaseShift);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new KvmSnapshotException($"Memory file \"{path}\" of a snapshot cannot be written: {e.Message.TrimEnd('.')}.", e);
        }
    }

    /// <summary>Pages that are stored.</summary>
    public long StoredPages => _written.Count;

    /// <summary>Writes pages. A page may be written again with the same content.</summary>
    /// <param name="page">First page.</param>
    /// <param name="bytes">Whole pages.</param>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    public void Write(long page, ReadOnlySpan<byte> bytes)
    {
        for (int done = 0; done < bytes.Length;)
        {
            bool isStored = IsStored(bytes.Slice(done, PageSize.Base));
            int end = done + PageSize.Base;
            while (end < bytes.Length && IsStored(bytes.Slice(end, PageSize.Base)) == isStored) end += PageSize.Base;
            if (isStored)
            {
                long first = page + (done >> PageSize.BaseShift);
                RandomAccess.Write(_file, bytes[done..end], first << PageSize.BaseShift);
                for (int i = 0; i < (end - done) >> PageSize.BaseShift; i++) _ = _written.Set(first + i);
            }

            done = end;
        }
    }

    /// <summary>Puts memory and state on the disk, under their names.</summary>
    /// <param name="state">Makes the state from the number of stored pages and the sample.</param>
    /// <exception cref="KvmSnapshotException">The file system does not keep holes of single pages.</exception>
    /// <exception cref="IOException">The disk is full, among others.</exception>
    public SnapshotDocument Commit(Func<long, SnapshotDocument.SamplePart, SnapshotDocument> state)
    {
        RandomAccess.FlushToDisk(_file);
        SnapshotDocument document;
        using (SnapshotLayer layer = SnapshotLayer.Open(_partial))
        {
            if (_isLayer && layer.Stored.Pages != StoredPages)
                throw new KvmSnapshotException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Memory file \"{_path}\": {StoredPages:N0} pages were written, and the file system stores {layer.Stored.Pages:N0}: it "
                        + $"does not keep holes of {PageSize.Base} bytes; write the layer elsewhere."));
            IReadOnlyList<long> sample = SampleOf(_written);
            document = state(StoredPages, new SnapshotDocument.SamplePart(sample, Snapshot.Sample(layer, sample)));
        }

        string text = _path + Snapshot.StateSuffix;
        using (FileStream stream = new(Partial(text), FileMode.Create, FileAccess.Write))
        using (StreamWriter writer = new(stream))
        {
            writer.Write(document.ToJson());
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }

        File.Move(_partial, _path, overwrite: true);
        File.Move(Partial(text), text, overwrite: true);
        _isCommitted = true;
        return document;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _file.Dispose();
        if (_isCommitted) return;
        File.Delete(_partial);
        File.Delete(Partial(_path + Snapshot.StateSuffix));
    }

    private static string Partial(string path) => path + ".partial";

    private bool IsStored(ReadOnlySpan<byte> page) => _isLayer || page.ContainsAnyExcept((byte)0);

    // Spread over what is stored, so that another memory of the same size is noticed.
    private static List<long> SampleOf(PageMarks written)
    {
        long step = Math.Max(1, written.Count / SamplePages);
        List<long> sample = [];
        long at = 0;
        foreach (Model.Mapping.PageRange run in written.Runs())
        {
            for (; at < run.Count && sample.Count < SamplePages; at += step) sample.Add(run.Start + at);
            at -= run.Count;
        }

        return sample;
    }
}
