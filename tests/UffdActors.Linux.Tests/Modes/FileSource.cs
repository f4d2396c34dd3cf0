namespace UffdActors.Linux.Tests.Modes;

// The page source of src/UffdActors/README.md, line by line.
internal sealed class FileSource(FileStream file) : PageSource(file.Length / 4096)
{
    protected override async ValueTask<SourceContent> ReadAsync(long page, Memory<byte> bytes, CancellationToken cancellationToken)
    {
        int read = await RandomAccess.ReadAsync(file.SafeFileHandle, bytes, page * 4096, cancellationToken);
        if (read < bytes.Length) throw new PageLostException($"page {page} lies behind the end of the file");
        return SourceContent.Bytes;
    }
}
