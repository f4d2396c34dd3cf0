using UffdActors.Model.Memory;

namespace UffdActors.Serve.Content;

/// <summary>
/// The memory file of a snapshot, and diffs that lie over it: sparse files of the same size, whose stored pages override what is below.
/// Any thread.
/// </summary>
internal sealed class MemoryLayers : IDisposable
{
    // From the bottom up.
    private readonly MemoryFile[] _files;

    private MemoryLayers(MemoryFile[] files) => _files = files;

    /// <summary>Bytes of it, and of each diff.</summary>
    public long Bytes => _files[0].Bytes;

    /// <summary>Names what they hold: other files, or these after a change, have another one.</summary>
    public string Key => string.Join(' ', _files.Select(f => f.Identity));

    /// <summary>Opens them.</summary>
    /// <param name="path">The file at the bottom.</param>
    /// <param name="diffs">Diffs, each over those before it.</param>
    /// <exception cref="ServeException">One of them cannot be served from, or is no diff of this file.</exception>
    public static MemoryLayers Open(string path, IReadOnlyList<string> diffs)
    {
        List<MemoryFile> files = [];
        try
        {
            files.Add(MemoryFile.Open(path));
            foreach (string diff in diffs)
            {
                files.Add(MemoryFile.Open(diff));
                ThrowIfNoDiff(files[^1], files[0]);
            }

            return new MemoryLayers([.. files]);
        }
        catch
        {
            foreach (MemoryFile file in files) file.Dispose();
            throw;
        }
    }

    /// <summary>Where pages come from: a file, or null for zeros.</summary>
    /// <param name="page">First page.</param>
    /// <param name="most">The most to count, at least 1.</param>
    /// <returns>The file, and how many pages from there on are alike.</returns>
    public (MemoryFile? From, int Pages) RunAt(long page, int most)
    {
        for (int layer = _files.Length - 1; layer >= 0; layer--)
        {
            (bool isStored, int run) = _files[layer].Stored.RunAt(page, most);
            if (isStored) return (_files[layer], run);
            most = run;
        }

        return (null, most);
    }

    /// <summary>Pages that are stored in any of them.</summary>
    public long CountStored()
    {
        long stored = 0;
        long pages = PageSize.PagesFor(Bytes);
        for (long page = 0; page < pages;)
        {
            (MemoryFile? from, int run) = RunAt(page, (int)Math.Min(int.MaxValue, pages - page));
            if (from is not null) stored += run;
            page += run;
        }

        return stored;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (MemoryFile file in _files) file.Dispose();
    }

    private static void ThrowIfNoDiff(MemoryFile diff, MemoryFile below)
    {
        if (diff.Bytes != below.Bytes)
            throw new ServeException(
                $"Diff \"{diff.Path}\" has {diff.Bytes} bytes and memory file \"{below.Path}\" {below.Bytes}; a diff is as long as the "
                    + "memory, with holes where it says nothing.");
        if (diff.Stored.PartOfPage is { } place)
            throw new ServeException(
                $"Diff \"{diff.Path}\" is stored in parts of a page, at byte {place}: it cannot be told what it overrides; write it in "
                    + $"pages of {PageSize.Base} bytes.");
    }
}
