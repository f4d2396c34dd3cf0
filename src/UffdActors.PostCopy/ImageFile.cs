using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// The file of an image: which parts have been read, and which are holes and are never read. A file that has changed since it was opened is
/// refused: its missing part would be zeros on both sides, and pass verification.
/// </summary>
internal sealed class ImageFile : IDisposable
{
    /// <summary>Base pages that are read at once.</summary>
    public const int PagesOfPart = 16;

    private const int PartBytes = PagesOfPart << PageSize.BaseShift;
    private const int Gates = 64;

    // State of a part.
    private const byte Hole = 0;
    private const byte Stored = 1;
    private const byte InMemory = 2;

    private readonly InputFile _file;
    private readonly string _path;
    private readonly byte[] _parts;
    private readonly Lock[] _gates = [.. Enumerable.Range(0, Gates).Select(_ => new Lock())];
    private readonly CancellationTokenSource _broken = new();
    private ImageException? _flaw;
    private bool _isWhole;

    public ImageFile(InputFile file, string path)
    {
        _file = file;
        _path = path;
        _parts = new byte[(file.Length + PartBytes - 1) / PartBytes];
        foreach ((long offset, long bytes) in file.Stored())
        {
            for (long part = offset / PartBytes; part <= (offset + bytes - 1) / PartBytes; part++) _parts[part] = Stored;
        }

        StoredBytes = _parts.LongCount(p => p == Stored) * PartBytes;
    }

    /// <summary>Bytes of the parts that are not entirely holes.</summary>
    public long StoredBytes { get; }

    /// <summary>Cancelled by the first flaw that is found.</summary>
    public CancellationToken Broken => _broken.Token;

    /// <summary>Why it cannot be used any more; null if it can.</summary>
    public ImageException? Flaw => Volatile.Read(ref _flaw);

    /// <summary>Reads the part with a page into the image's memory, unless it was read before. Any thread.</summary>
    /// <returns>False for a page in a hole, for which nothing is read.</returns>
    /// <exception cref="ImageException">The file has changed, or cannot be read any more.</exception>
    public bool Read(long page, NativeBuffer memory)
    {
        long part = page / PagesOfPart;
        // Behind the end of the file: padding of the destination's last page.
        if (part >= _parts.Length) return false;
        byte state = Volatile.Read(ref _parts[part]);
        if (state == Stored) Load(part, memory);
        return state != Hole;
    }

    /// <summary>Reads all that has not been read yet; the file is not needed afterwards.</summary>
    /// <exception cref="ImageException">As of <see cref="Read"/>.</exception>
    public void ReadAll(NativeBuffer memory, CancellationToken cancel)
    {
        for (long part = 0; part < _parts.Length; part++)
        {
            cancel.ThrowIfCancellationRequested();
            _ = Read(part * PagesOfPart, memory);
        }

        CheckUnchanged();
        _isWhole = true;
    }

    /// <summary>Checks that the file is unchanged, unless all of it was read before.</summary>
    /// <exception cref="ImageException">It has changed.</exception>
    public void CheckUnchanged()
    {
        if (_isWhole) return;
        try
        {
            _file.CheckUnchanged();
        }
        catch (InputFileException e)
        {
            throw Break(e);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private void Load(long part, NativeBuffer memory)
    {
        lock (_gates[part % Gates])
        {
            if (_parts[part] != Stored) return;
            long offset = part * PartBytes;
            try
            {
                _file.Read(offset, memory.Slice(offset, (int)Math.Min(PartBytes, _file.Length - offset)));
            }
            catch (InputFileException e)
            {
                throw Break(e);
            }

            Volatile.Write(ref _parts[part], InMemory);
        }
    }

    private ImageException Break(InputFileException e)
    {
        ImageException flaw = new($"Image \"{_path}\" cannot be read: {e.Message}.", e);
        flaw = Interlocked.CompareExchange(ref _flaw, flaw, null) ?? flaw;
        // Asynchronously: the callbacks of the token must not run on this thread, which may be the ring's.
        _ = _broken.CancelAsync();
        return flaw;
    }
}
