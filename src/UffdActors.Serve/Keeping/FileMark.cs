namespace UffdActors.Serve.Keeping;

/// <summary>What a file that guests are served from was when a guest was begun with: served on, it has to be the same.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Written">When it was last written to, in ticks of 100 ns (UTC).</param>
internal sealed record FileMark(string Path, long Bytes, long Written)
{
    /// <summary>The mark of a file as it is now.</summary>
    public static FileMark Of(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? new FileMark(path, file.Length, file.LastWriteTimeUtc.Ticks) : new FileMark(path, -1, 0);
    }

    /// <summary>The sentence that says what has become of it; null if it is the same.</summary>
    public string? Flaw()
    {
        FileMark now = Of(Path);
        if (now == this) return null;
        return now.Bytes < 0
            ? $"memory file \"{Path}\" is gone"
            : $"memory file \"{Path}\" has been written to since the guest began ({Bytes} bytes then, {now.Bytes} now)";
    }
}
