using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// The memory of a guest at the source: the bytes of a file, or made ones. Read-only once it exists; safe for any thread.
/// </summary>
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
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"A guest of {bytes:N0} bytes needs twice as much memory, for its source and its destination; "
                        + $"this machine has {available:N0} bytes."));
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
    /// <exception cref="ImageException">
    /// There is no such file, it is no regular one, empty, cannot be read, or it changed while it was read.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The machine has not enough memory for source and destination.</exception>
    public static GuestImage FromFile(string path, int pageBytes = PageSize.Base, CancellationToken cancel = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using InputFile file = InputFile.Open(path);
            return FromFile(file, path, pageBytes, cancel);
        }
        catch (InputFileException e)
        {
            throw new ImageException($"Image \"{path}\" cannot be read: {e.Message}.", e);
        }
    }

    // A file that shrinks, or is another one at its end, is no guest: its missing part would be zeros on both sides, and verified.
    internal static GuestImage FromFile(InputFile file, string path, int pageBytes = PageSize.Base, CancellationToken cancel = default)
    {
        if (file.Length == 0) throw new ImageException($"Image \"{path}\" is empty; a guest needs at least one byte of memory.");
        GuestImage image = new(path, file.Length, pageBytes);
        try
        {
            byte[] chunk = new byte[ChunkBytes];
            for (long offset = 0; offset < file.Length; offset += ChunkBytes)
            {
                cancel.ThrowIfCancellationRequested();
                Span<byte> part = chunk.AsSpan(0, (int)Math.Min(ChunkBytes, file.Length - offset));
                file.Read(offset, part);
                image._bytes.Write(offset, part);
            }

            file.CheckUnchanged();
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes an image: a seeded mix of pages of zeros (about a third), of one repeated word, and of random bytes, in stretches as guests
    /// have them. The same size and seed give the same bytes.
    /// </summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="pageBytes">
    /// Bytes of a page of the destination's memory (<see cref="PostCopyMigration.PageBytesOf"/>), to which the size is rounded up.
    /// </param>
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
