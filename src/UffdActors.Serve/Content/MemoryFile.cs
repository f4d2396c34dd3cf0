using UffdActors.Model.Inputs;

namespace UffdActors.Serve.Content;

/// <summary>
/// The memory file of a snapshot, read by need and never written. It has to stay what it was when it was opened: what is read after it was
/// written to is neither the old memory nor the new one, so from then on nothing is read any more.
/// </summary>
/// <remarks>Any thread. Holds no content.</remarks>
internal sealed class MemoryFile : IDisposable
{
    private readonly InputFile _file;
    private string? _flaw;

    private MemoryFile(string path, InputFile file)
    {
        Path = path;
        _file = file;
        Stored = new StoredRanges(file.Stored(), file.Length);
    }

    /// <summary>Its name.</summary>
    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Bytes => _file.Length;

    /// <summary>Names the file as it was when it was opened.</summary>
    public string Identity => _file.Identity;

    /// <summary>What of it is no hole.</summary>
    public StoredRanges Stored { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="ServeException">It cannot be served from.</exception>
    public static MemoryFile Open(string path)
    {
        InputFile? file = null;
        try
        {
            file = InputFile.Open(path);
            if (file.Length == 0) throw new InputFileException("it is empty");
            return new MemoryFile(path, file);
        }
        catch (InputFileException e)
        {
            file?.Dispose();
            throw new ServeException($"Memory file \"{path}\" cannot be served: {e.Message}.", e);
        }
    }

    /// <summary>Reads bytes, and holds that they are those of the file that was opened.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="room">Where they go; what lies behind the end of the file is zeros.</param>
    /// <exception cref="PageLostException">The file was written to, for good.</exception>
    /// <exception cref="IOException">It cannot be read now.</exception>
    public void Read(long offset, Span<byte> room)
    {
        int there = ClearBehind(offset, room);
        if (Volatile.Read(ref _flaw) is { } flaw) throw new PageLostException(flaw);
        InputFileException? failure = null;
        try
        {
            _file.Read(offset, room[..there]);
        }
        catch (InputFileException e)
        {
            failure = e;
        }

        // Checked after the read, so that a change before or during it is seen.
        if (FlawNow() is { } now) throw new PageLostException(now);
        if (failure is not null) throw failure;
    }

    /// <summary>Reads bytes if they are in the page cache; errors of the file are left to <see cref="Read"/>.</summary>
    /// <param name="offset">As of <see cref="Read"/>.</param>
    /// <param name="room">As of <see cref="Read"/>.</param>
    /// <returns>False if it would have to wait, or the file is not what it was.</returns>
    public bool TryReadCached(long offset, Span<byte> room)
    {
        int there = ClearBehind(offset, room);
        return Volatile.Read(ref _flaw) is null && _file.TryReadCached(offset, room[..there]) && FlawNow() is null;
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    // What lies behind the end of the file is zeros.
    private int ClearBehind(long offset, Span<byte> room)
    {
        int there = (int)Math.Clamp(Bytes - offset, 0, room.Length);
        room[there..].Clear();
        return there;
    }

    private string? FlawNow()
    {
        try
        {
            _file.CheckUnchanged();
            return null;
        }
        catch (InputFileException e)
        {
            string flaw = $"memory file \"{Path}\" has been written to while it was served ({e.Message}); a snapshot goes into a file of "
                + $"its own";
            return Interlocked.CompareExchange(ref _flaw, flaw, null) ?? flaw;
        }
    }
}
