using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// The memory of a snapshot: its file, and below it those of its parents. A page is what the topmost file stores of it; what none stores
/// is zeros.
/// </summary>
/// <param name="layers">The files, the newest first; disposed of with this object.</param>
/// <remarks>Any thread.</remarks>
internal sealed class SnapshotMemory(IReadOnlyList<SnapshotLayer> layers) : IDisposable
{
    private readonly CancellationTokenSource _broken = new();
    private KvmSnapshotException? _flaw;

    /// <summary>Base pages.</summary>
    public long Pages { get; } = PageSize.PagesFor(layers[0].Bytes);

    /// <summary>Files.</summary>
    public int Layers => layers.Count;

    /// <summary>Their names, the newest first.</summary>
    public IEnumerable<string> Paths => layers.Select(l => l.Path);

    /// <summary>Cancelled when a file is found to have changed, or cannot be read any more.</summary>
    public CancellationToken Broken => _broken.Token;

    /// <summary>Why it cannot be read any more; null if it can.</summary>
    public KvmSnapshotException? Flaw => Volatile.Read(ref _flaw);

    /// <summary>Where pages come from: a file, or null for zeros; and how many from there on are alike.</summary>
    /// <param name="page">First page.</param>
    /// <param name="most">The most to count, at least 1.</param>
    public (SnapshotLayer? From, int Pages) RunAt(long page, int most)
    {
        foreach (SnapshotLayer layer in layers)
        {
            (bool isStored, int run) = layer.Stored.RunAt(page, most);
            if (isStored) return (layer, run);
            most = run;
        }

        return (null, most);
    }

    /// <summary>Reads pages of a run, however long that takes.</summary>
    /// <exception cref="KvmSnapshotException">A file has changed, or cannot be read.</exception>
    public void Read(SnapshotLayer from, long page, Span<byte> room)
    {
        if (Flaw is { } known) throw known;
        try
        {
            from.Read(page, room);
        }
        catch (InputFileException e)
        {
            throw Break(from, e);
        }
    }

    /// <summary>Reads one page.</summary>
    /// <exception cref="KvmSnapshotException">A file has changed, or cannot be read.</exception>
    public void ReadPage(long page, Span<byte> room)
    {
        if (RunAt(page, 1).From is { } from) Read(from, page, room);
        else room.Clear();
    }

    /// <summary>To be called before the content is relied on.</summary>
    /// <exception cref="KvmSnapshotException">A file has changed.</exception>
    public void CheckUnchanged()
    {
        if (Flaw is { } known) throw known;
        foreach (SnapshotLayer layer in layers)
        {
            try
            {
                layer.CheckUnchanged();
            }
            catch (InputFileException e)
            {
                throw Break(layer, e);
            }
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (SnapshotLayer layer in layers) layer.Dispose();
    }

    private KvmSnapshotException Break(SnapshotLayer layer, InputFileException e)
    {
        KvmSnapshotException flaw = new(
            $"Memory file \"{layer.Path}\" was written to while the guest was served from it ({e.Message}); restore from a file that "
                + "nothing writes to.",
            e);
        flaw = Interlocked.CompareExchange(ref _flaw, flaw, null) ?? flaw;
        // Asynchronously: the callbacks of the token must not run on this thread, which may be the ring's.
        _ = _broken.CancelAsync();
        return flaw;
    }
}
