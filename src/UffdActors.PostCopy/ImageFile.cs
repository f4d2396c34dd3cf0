using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// The file of an image: which part of it has been read, and which is a hole and never needs to be. A file that is another than it was when
/// it was opened is no guest: its missing part would be zeros on both sides, and verified.
/// </summary>
internal sealed class ImageFile : IDisposable
{
    /// <summary>Base pages that are read at once.</summary>
    public const int PagesOfPart = 16;

    private const int PartBytes = PagesOfPart << PageSize.BaseShift;
    private const int Gates = 64;

    // What is known of a part.
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

    /// <summary>Bytes of the parts that are not holes as a whole.</summary>
    public long StoredBytes { get; }

    /// <summary>Cancelled by the first flaw that is found.</summary>
    public CancellationToken Broken => _broken.Token;

    /// <summary>Why it cannot be used any more; null if it can.</summary>
    public ImageException? Flaw => Volatile.Read(ref _flaw);

    /// <summary>Sees to it that a page is in the image's memory. Any thread.</summary>
    /// <returns>False for a page in a hole, of which nothing has to be there.</returns>
    /// <exception cref="ImageException">The file is another than it was, or cannot be read any more.</exception>
    public bool Read(long page, NativeBuffer memory)
    {
        long part = page / PagesOfPart;
        // What lies behind the end fills up the last page of the destination.
        if (part >= _parts.Length) return false;
        byte state = Volatile.Read(ref _parts[part]);
        if (state == Stored) Load(part, memory);
        return state != Hole;
    }

    /// <summary>Reads all that has not been read yet, and is not needed any more.</summary>
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

    /// <summary>Holds that it is what it was, unless all of it was read before.</summary>
    /// <exception cref="ImageException">It is not.</exception>
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
        // Whoever is told must not run on this thread, which may be the ring's.
        _ = _broken.CancelAsync();
        return flaw;
    }
}
