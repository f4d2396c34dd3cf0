using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>The memory of a guest at the source: the bytes of a file, or made ones. Read-only once it exists; safe for any thread.</summary>
public sealed class GuestImage : IDisposable
{
    private const int ChunkBytes = 1 << 20;
    private readonly NativeBuffer _bytes;

    private GuestImage(string name, long bytes)
    {
        Name = name;
        Pages = PageSize.PagesFor(bytes);
        _bytes = new NativeBuffer(Pages << PageSize.BaseShift);
    }

    /// <summary>Where it comes from, for reports.</summary>
    public string Name { get; }

    /// <summary>Base pages.</summary>
    public long Pages { get; }

    /// <summary>Bytes, a whole number of pages.</summary>
    public long Bytes => Pages << PageSize.BaseShift;

    /// <summary>Reads any file as guest memory, rounded up to pages.</summary>
    /// <exception cref="ImageException">There is no such file, it is a folder, empty, or cannot be read.</exception>
    public static GuestImage FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) throw new ImageException($"Image \"{path}\" is a folder; name a file.");
        if (!File.Exists(path)) throw new ImageException($"Image \"{path}\" does not exist.");
        GuestImage? image = null;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1);
            if (file.Length == 0) throw new ImageException($"Image \"{path}\" is empty; a guest needs at least one byte of memory.");
            image = new GuestImage(path, file.Length);
            byte[] chunk = new byte[ChunkBytes];
            long offset = 0;
            for (int read; (read = file.Read(chunk)) > 0 && offset < image.Bytes; offset += read)
                image._bytes.Write(offset, chunk.AsSpan(0, (int)Math.Min(read, image.Bytes - offset)));
            return image;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            image?.Dispose();
            throw new ImageException($"Image \"{path}\" cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// Makes an image: a seeded mix of pages of zeros (about a third), of one repeated word, and of random bytes, in stretches as guests
    /// have them.
    /// </summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <param name="seed">Seed.</param>
    public static GuestImage Make(long bytes, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        GuestImage image = new($"made, seed {seed}", bytes);
        Random random = new(unchecked((int)(seed ^ (seed >> 32))));
        byte[] page = new byte[PageSize.Base];
        for (long at = 0; at < image.Pages;)
        {
            long end = Math.Min(image.Pages, at + random.Next(1, 64));
            int kind = random.Next(3);
            for (; at < end; at++)
            {
                if (kind == 0) continue;
                if (kind == 1) page.AsSpan().Fill((byte)random.Next(1, 256));
                else random.NextBytes(page);
                image._bytes.Write(at << PageSize.BaseShift, page);
            }
        }

        return image;
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
