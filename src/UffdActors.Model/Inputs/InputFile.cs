using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace UffdActors.Model.Inputs;

/// <summary>
/// A file that is given as input, opened for reading. It is a regular file of a size that was agreed to, and it has to stay what it
/// was when it was opened: a file whose size or time stamps differ at the end was written to meanwhile, and what was read of it is neither
/// the old content nor the new one. That is an <see cref="InputFileException"/>, never bytes of zero.
/// </summary>
/// <remarks>
/// Nothing is mapped: a page of a mapping that lies behind the end of a truncated file is SIGBUS. A pipe, a device or a folder is refused
/// before it is opened. Files of /proc have no size and read as empty.
/// </remarks>
public sealed partial class InputFile : IDisposable
{
    private const int ReadAheadBytes = 1 << 16;
    // <unistd.h> and <errno.h>: ENXIO says that no data lies behind an offset.
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int NothingStored = 6;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly SafeFileHandle _handle;
    private readonly CachedRead _cached;
    private readonly FileStatus _opened;
    private readonly string _path;

    private InputFile(string path, SafeFileHandle handle, FileStatus opened)
    {
        _path = path;
        _handle = handle;
        _opened = opened;
        _cached = new CachedRead(handle);
    }

    /// <summary>Bytes of the file when it was opened.</summary>
    public long Length => _opened.Size;

    /// <summary>
    /// Bytes that were allocated for it when it was opened: fewer than <see cref="Length"/> if it has holes, or if its file system packs
    /// it.
    /// </summary>
    public long AllocatedBytes => _opened.Allocated;

    /// <summary>
    /// Names the file as it was when it was opened, by device, inode, size and time stamps: two that are the same here have the same
    /// content. One word, and for one machine until it starts anew.
    /// </summary>
    public string Identity =>
        FormattableString.Invariant($"{_opened.Device:x}:{_opened.Inode}:{_opened.Size}:{_opened.Modified}:{_opened.Changed}");

    /// <summary>What is wrong with a JSON document, for its writer; a part of a sentence.</summary>
    /// <param name="problem">What the parser or serializer has thrown.</param>
    /// <param name="withLine">Say the line, where it is known; not of a document that is one line.</param>
    public static string ProblemOf(JsonException problem, bool withLine = true) => JsonProblem.Text(problem, withLine);

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its name; links are followed.</param>
    /// <param name="maxBytes">Size from which on it is refused.</param>
    /// <exception cref="InputFileException">
    /// There is no such file, it is not a regular one, larger than that, or it cannot be opened.
    /// </exception>
    public static InputFile Open(string path, long maxBytes = long.MaxValue)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0', StringComparison.Ordinal)) throw new InputFileException("its name holds a NUL");
        FileStatus named = FileStatus.Of(path);
        if (!named.IsRegular) throw new InputFileException($"it is {named.Kind}, not a regular file");
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            FileStatus opened = FileStatus.Of(handle, path);
            if (opened.Device != named.Device || opened.Inode != named.Inode)
                throw new InputFileException("it was replaced while it was opened");
            if (opened.Size > maxBytes)
                throw new InputFileException(FormattableString.Invariant($"it has {opened.Size:N0} bytes; {maxBytes:N0} are the limit"));
            return new InputFile(path, handle, opened);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (e is InputFileException || e is not (IOException or UnauthorizedAccessException or NotSupportedException)) throw;
            throw new InputFileException(e is UnauthorizedAccessException ? "permission to read it is denied" : e.Message, e);
        }
    }

    /// <summary>Refuses what cannot be read as an input file.</summary>
    /// <exception cref="InputFileException">As of <see cref="Open"/>.</exception>
    public static void Check(string path, long maxBytes = long.MaxValue) => Open(path, maxBytes).Dispose();

    /// <summary>Reads a text file whole.</summary>
    /// <exception cref="InputFileException">As of <see cref="Open"/>; it changed while it was read, or it is no text.</exception>
    public static string ReadText(string path, long maxBytes)
    {
        using InputFile file = Open(path, maxBytes);
        byte[] bytes = new byte[file.Length];
        file.Read(0, bytes);
        file.CheckUnchanged();
        using StreamReader reader = new(new MemoryStream(bytes), StrictUtf8, detectEncodingFromByteOrderMarks: true);
        string text = AsText(reader.ReadToEnd);
        return text.Contains('\0', StringComparison.Ordinal) ? throw NoText() : text;
    }

    /// <summary>
    /// Reads a text file line by line. The lines count only when all of them have been read: then the file is known to be what it was.
    /// </summary>
    /// <exception cref="InputFileException">As of <see cref="ReadText"/>.</exception>
    public static IEnumerable<string> ReadLines(string path, long maxBytes)
    {
        using InputFile file = Open(path, maxBytes);
        using FileStream stream = new(file._handle, FileAccess.Read, ReadAheadBytes);
        using StreamReader reader = new(stream, StrictUtf8, detectEncodingFromByteOrderMarks: true);
        while (file.Length > 0 && AsText(reader.ReadLine) is { } line)
        {
            if (line.Contains('\0', StringComparison.Ordinal)) throw NoText();
            // Another process may append faster than it is read.
            if (stream.Position > file.Length) break;
            yield return line;
        }

        file.CheckUnchanged();
        if (stream.Position != file.Length) throw Changed(file.Length, stream.Position);
    }

    /// <summary>Reads as many bytes as there is room for.</summary>
    /// <param name="offset">
    /// Where in the file, in bytes; everything up to the end of the room has to be within <see cref="Length"/>.
    /// </param>
    /// <param name="room">Where to.</param>
    /// <exception cref="InputFileException">The file has become shorter, or the disk reports an error.</exception>
    public void Read(long offset, Span<byte> room)
    {
        try
        {
            for (int done = 0; done < room.Length;)
            {
                int read = RandomAccess.Read(_handle, room[done..], offset + done);
                if (read == 0) throw Changed(Length, offset + done);
                done += read;
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not InputFileException)
        {
            throw new InputFileException(e.Message, e);
        }
    }

    /// <summary>
    /// Reads as many bytes as there is room for, if the kernel has all of them in memory (<c>RWF_NOWAIT</c>): never waits for a disk.
    /// Errors are left to <see cref="Read"/>.
    /// </summary>
    /// <param name="offset">As of <see cref="Read"/>.</param>
    /// <param name="room">Where to; what is there after a read that has failed is of no use.</param>
    /// <returns>
    /// False if some are not in memory, or the file system cannot tell; one whose files are memory (tmpfs) always has them.
    /// </returns>
    public bool TryReadCached(long offset, Span<byte> room) => _cached.TryRead(offset, room);

    /// <summary>
    /// Where bytes are stored, in order; what lies between is holes, which read as zeros. A file system that does not know holes stores
    /// all of it. The ranges count only when all of them have been seen: then the holes are known to be those of the file that was opened.
    /// </summary>
    /// <exception cref="InputFileException">The file is another than when it was opened.</exception>
    public IEnumerable<(long Offset, long Bytes)> Stored()
    {
        for (long end = 0; end < Length && Seek(end, SeekData) is var at && at >= 0 && at < Length;)
        {
            end = Seek(at, SeekHole);
            // It has shrunk meanwhile.
            end = end <= at ? Length : Math.Min(end, Length);
            yield return (at, end - at);
        }

        // Content that was punched out meanwhile would be taken for zeros, and a hole is never read.
        CheckUnchanged();
    }

    // lseek(2) may move the file position: no read here depends on it.
    private long Seek(long offset, int whence)
    {
        long at = LongSeek(_handle, offset, whence);
        if (at >= 0) return at;
        return Marshal.GetLastPInvokeError() == NothingStored ? -1 : whence == SeekData ? offset : Length;
    }

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long LongSeek(SafeFileHandle file, long offset, int whence);

    /// <summary>To be called when everything has been read, before it is used.</summary>
    /// <exception cref="InputFileException">The file is another than when it was opened.</exception>
    public void CheckUnchanged()
    {
        FileStatus now = FileStatus.Of(_handle, _path);
        if (now.Size != _opened.Size) throw Changed(_opened.Size, now.Size);
        if (now.Modified != _opened.Modified || now.Changed != _opened.Changed)
            throw new InputFileException("it was written to, or its attributes were changed, while it was read");
    }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();

    private static T AsText<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException e)
        {
            throw new InputFileException("it is no text: it holds bytes that are not UTF-8", e);
        }
    }

    private static InputFileException NoText() => new("it is no text: it holds a NUL");

    private static InputFileException Changed(long before, long now) =>
        new(FormattableString.Invariant($"it changed while it was read, from {before:N0} bytes to {now:N0}"));
}
