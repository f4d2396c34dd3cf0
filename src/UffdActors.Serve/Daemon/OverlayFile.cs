using UffdActors.Model.Inputs;

namespace UffdActors.Serve;

/// <summary>A file whose bytes the guests of a session have instead of a part of their memory file.</summary>
/// <param name="File">Its path: whole pages of 4096 bytes, up to <see cref="MaxBytes"/>. Read for each guest, and kept in memory.</param>
/// <param name="At">Byte of the memory file at which they lie; a multiple of 4096.</param>
public sealed record OverlayFile(string File, long At)
{
    /// <summary>The most bytes of one.</summary>
    public const int MaxBytes = 16 << 20;

    /// <summary>Its pages.</summary>
    /// <exception cref="ServeException">It cannot be read, or is too long.</exception>
    internal OverlayPages Read()
    {
        try
        {
            using InputFile opened = InputFile.Open(File);
            if (opened.Length > MaxBytes) throw new InputFileException($"it has {opened.Length} bytes, and {MaxBytes} are the limit");
            byte[] bytes = new byte[opened.Length];
            opened.Read(0, bytes);
            opened.CheckUnchanged();
            return new OverlayPages(At, bytes);
        }
        catch (InputFileException e)
        {
            throw new ServeException($"Overlay \"{File}\" cannot be read: {e.Message}.", e);
        }
    }
}
