using System.Runtime.InteropServices;
using UffdActors.Dispatch;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>The memory of a guest at the source: the bytes of a file, or made ones. Read-only once it exists; safe for any thread.</summary>
public sealed class GuestImage : IDisposable
{
    private const int ChunkBytes = 1 << 20;
    private const long PagesOfPart = 1024;
    private const ulong LongestStretch = 63;
    private readonly NativeBuffer _bytes;

    private GuestImage(string name, long bytes, int pageBytes)
    {
        Name = name;
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (bytes > available / 2)
        {
            throw new InsufficientMemoryException(
                $"A guest of {bytes:N0} bytes needs twice as much memory, for its source and its destination; this machine has {available:N0} bytes.");
        }

        Pages = PageSize.PagesFor((bytes + pageBytes - 1) / pageBytes * pageBytes);
        _bytes = new NativeBuffer(Pages << PageSize.BaseShift);
    }

    /// <summary>Where it comes from, for reports.</summary>
    public string Name { get; }

    /// <summary>Base pages.</summary>
    public long Pages { get; }

    /// <summary>Bytes, a whole number of the destination's pages.</summary>
    public long Bytes => Pages << PageSize.BaseShift;

    /// <summary>Reads any file as guest memory, rounded up to pages.</summary>
    /// <param name="path">Name of the file.</param>
    /// <param name="pageBytes">Bytes of a page of the destination's memory (<see cref="PostCopyMigration.PageBytesOf"/>).</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="ImageException">There is no such file, it is a folder, empty, or cannot be read.</exception>
    /// <exception cref="InsufficientMemoryException">The machine has not enough memory for source and destination.</exception>
    public static GuestImage FromFile(string path, int pageBytes = PageSize.Base, CancellationToken cancel = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) throw new ImageException($"Image \"{path}\" is a folder; name a file.");
        if (!File.Exists(path)) throw new ImageException($"Image \"{path}\" does not exist.");
        GuestImage? image = null;
        try
        {
            // Devices and pipes have no length; opening a pipe would wait for its other end.
            FileInfo target = new(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
            if (target.Length == 0) throw new ImageException($"Image \"{path}\" is empty or no ordinary file; a guest needs at least one byte of memory.");
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1);
            image = new GuestImage(path, file.Length, pageBytes);
            byte[] chunk = new byte[ChunkBytes];
            long offset = 0;
            for (int read; offset < image.Bytes && (read = file.Read(chunk)) > 0; offset += read)
            {
                cancel.ThrowIfCancellationRequested();
                image._bytes.Write(offset, chunk.AsSpan(0, (int)Math.Min(read, image.Bytes - offset)));
            }

            return image;
        }
        catch (Exception e)
        {
            image?.Dispose();
            if (e is UnauthorizedAccessException or IOException) throw new ImageException($"Image \"{path}\" cannot be read: {e.Message}", e);
            throw;
        }
    }

    /// <summary>
    /// Makes an image: a seeded mix of pages of zeros (about a third), of one repeated word, and of random bytes, in stretches as guests
    /// have them. The same size and seed give the same bytes.
    /// </summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="pageBytes">Bytes of a page of the destination's memory (<see cref="PostCopyMigration.PageBytesOf"/>), to which the size is rounded up.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="InsufficientMemoryException">The machine has not enough memory for source and destination.</exception>
    public static GuestImage Make(long bytes, ulong seed, int pageBytes = PageSize.Base, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        GuestImage image = new($"made, seed {seed}", bytes, pageBytes);
        try
        {
            // Each part has a seed of its own, so all cores may make them, in any order.
            long parts = (image.Pages + PagesOfPart - 1) / PagesOfPart;
            _ = Parallel.For(0, parts, new ParallelOptions { CancellationToken = cancel }, part => image.MakePart(part, seed));
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private void MakePart(long part, ulong seed)
    {
        ulong state = seed;
        state = SplitMix.Next(ref state) ^ (ulong)part;
        Span<byte> page = new byte[PageSize.Base];
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(page);
        long last = Math.Min(Pages, (part + 1) * PagesOfPart);
        for (long at = part * PagesOfPart; at < last;)
        {
            long end = Math.Min(last, at + 1 + (long)(SplitMix.Next(ref state) % LongestStretch));
            ulong kind = SplitMix.Next(ref state) % 3;
            for (; at < end; at++)
            {
                // The memory is zeros to begin with.
                if (kind == 0) continue;
                if (kind == 1) words.Fill(SplitMix.Next(ref state) | 1);
                else foreach (ref ulong word in words) word = SplitMix.Next(ref state);
                _bytes.Write(at << PageSize.BaseShift, page);
            }
        }
    }

    /// <summary>Address of a page; valid until the image is disposed of.</summary>
    internal nint AddressOf(long page) => _bytes.Address + (nint)(page << PageSize.BaseShift);

    /// <summary>True if a page holds zeros only.</summary>
    public bool IsZero(long page) => _bytes.IsZero(page << PageSize.BaseShift, PageSize.Base);

    /// <summary>Eight bytes at an offset of a page.</summary>
    public ulong WordAt(long page, int offset) => _bytes.ReadWord((page << PageSize.BaseShift) + offset);

    /// <summary>Copies a page out.</summary>
    public void ReadPage(long page, Span<byte> destination) => _bytes.Read(page << PageSize.BaseShift, destination[..PageSize.Base]);

    /// <inheritdoc />
    public void Dispose() => _bytes.Dispose();
}

/// <summary>An image that cannot be used. The message is one line that says why.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ImageException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
