using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// The memory of a guest at the source: the bytes of a file, read by need, or made ones. Read-only once it exists; safe for any thread.
/// </summary>
public sealed class GuestImage : IDisposable
{
    private const long PagesOfPart = 1024;
    private const ulong LongestStretch = 63;
    private readonly NativeBuffer _bytes;
    private readonly ImageFile? _file;

    private GuestImage(string name, long bytes, int pageBytes, InputFile? file = null)
    {
        Name = name;
        _file = file is null ? null : new ImageFile(file, name);
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        long stored = _file?.StoredBytes ?? bytes;
        if (stored > available / 2) throw new InsufficientMemoryException(TooLarge(stored, available));
        Pages = PageSize.PagesFor((bytes + pageBytes - 1) / pageBytes * pageBytes);
        StoredPages = Math.Min(Pages, PageSize.PagesFor(stored));
        try
        {
            _bytes = new NativeBuffer(Pages << PageSize.BaseShift);
        }
        catch (OutOfMemoryException e)
        {
            throw new InsufficientMemoryException(TooLarge(Pages << PageSize.BaseShift, available), e);
        }
    }

    /// <summary>Where it comes from, for reports.</summary>
    public string Name { get; }

    /// <summary>Base pages.</summary>
    public long Pages { get; }

    /// <summary>Bytes, a whole number of the destination's pages.</summary>
    public long Bytes => Pages << PageSize.BaseShift;

    /// <summary>Base pages that may hold something else than zeros: those of a file without its holes.</summary>
    public long StoredPages { get; }

    /// <summary>Cancelled when the file is found to have changed, or cannot be read any more.</summary>
    internal CancellationToken Broken => _file?.Broken ?? CancellationToken.None;

    /// <summary>Why it is <see cref="Broken"/>; null if it is not.</summary>
    internal ImageException? Flaw => _file?.Flaw;

    /// <summary>
    /// Takes any file as guest memory, rounded up to pages. It is read by need, its holes never, and stays open: it must not be written to
    /// while the image is used.
    /// </summary>
    /// <param name="path">Name of the file.</param>
    /// <param name="pageBytes">Bytes of a page of the destination's memory (<see cref="PostCopyMigration.PageBytesOf"/>).</param>
    /// <exception cref="ImageException">There is no such file, it is no regular one, empty, or cannot be read.</exception>
    /// <exception cref="InsufficientMemoryException">
    /// The machine has not enough memory for what is stored in it, at source and destination.
    /// </exception>
    public static GuestImage FromFile(string path, int pageBytes = PageSize.Base)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        InputFile? file = null;
        try
        {
            file = InputFile.Open(path);
            return FromFile(file, path, pageBytes);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is InputFileException) throw new ImageException($"Image \"{path}\" cannot be read: {e.Message}.", e);
            throw;
        }
    }

    internal static GuestImage FromFile(InputFile file, string path, int pageBytes = PageSize.Base) => file.Length == 0
        ? throw new ImageException($"Image \"{path}\" is empty; a guest needs at least one byte of memory.")
        : new GuestImage(path, file.Length, pageBytes, file);

    /// <summary>Reads what has not been read yet; later changes of the file have no effect.</summary>
    /// <exception cref="ImageException">The file has changed, or cannot be read any more.</exception>
    public void ReadAll(CancellationToken cancellationToken = default) => _file?.ReadAll(_bytes, cancellationToken);

    /// <summary>To be called after the last read, before the content is relied on.</summary>
    /// <exception cref="ImageException">The file was written to since it was opened.</exception>
    public void CheckUnchanged() => _file?.CheckUnchanged();

    /// <summary>
    /// Makes an image: a seeded mix of pages of zeros (about a third), of one repeated word, and of random bytes, in runs as in real
    /// guests. The same size and seed give the same bytes.
    /// </summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="pageBytes">
    /// Bytes of a page of the destination's memory (<see cref="PostCopyMigration.PageBytesOf"/>), to which the size is rounded up.
    /// </param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InsufficientMemoryException">The machine has not enough memory for source and destination.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public static GuestImage Make(long bytes, ulong seed, int pageBytes = PageSize.Base, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        GuestImage image = new($"made, seed {seed}", bytes, pageBytes);
        try
        {
            // Each part has a seed of its own, so parts are made on all cores, in any order.
            long parts = (image.Pages + PagesOfPart - 1) / PagesOfPart;
            _ = Parallel.For(0, parts, new ParallelOptions { CancellationToken = cancellationToken }, part => image.MakePart(part, seed));
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

    /// <summary>Address of a page for which <see cref="IsZero"/> was called; valid until the image is disposed of.</summary>
    internal nint AddressOf(long page) => _bytes.Address + (nint)(page << PageSize.BaseShift);

    /// <summary>True if a page holds zeros only.</summary>
    /// <exception cref="ImageException">The file has changed, or cannot be read any more; so for the members below.</exception>
    public bool IsZero(long page) => !Holds(page) || _bytes.IsZero(page << PageSize.BaseShift, PageSize.Base);

    /// <summary>Eight bytes at an offset of a page.</summary>
    public ulong WordAt(long page, int offset) => Holds(page) ? _bytes.ReadWord((page << PageSize.BaseShift) + offset) : 0;

    /// <summary>Copies a page out.</summary>
    public void ReadPage(long page, Span<byte> destination)
    {
        Span<byte> bytes = destination[..PageSize.Base];
        if (Holds(page)) _bytes.Read(page << PageSize.BaseShift, bytes);
        else bytes.Clear();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _bytes.Dispose();
        _file?.Dispose();
    }

    // Reads the part with the page if it has not been read yet; false for a page in a hole.
    private bool Holds(long page) => _file is null || _file.Read(page, _bytes);

    private static string TooLarge(long bytes, long available) => string.Create(
        CultureInfo.InvariantCulture,
        $"A guest of {bytes:N0} bytes needs twice as much memory, for its source and its destination; this machine has "
            + $"{available:N0} bytes.");
}
