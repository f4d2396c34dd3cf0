namespace UffdActors.Model.Inputs;

/// <summary>A file that is written beside its place and renamed to it.</summary>
internal static class OutputFile
{
    /// <summary>
    /// Refuses what is no regular file: renamed to, a pipe would have a reader that waits for ever, and <c>/dev/null</c> would be a file
    /// for every process of the machine. What is not there yet is as it should be.
    /// </summary>
    /// <exception cref="IOException">It is a pipe, a device, a socket or a folder.</exception>
    public static void Check(string path)
    {
        if (KindOf(path) is { } kind) throw new IOException($"it is {kind}, not a regular file");
    }

    /// <summary>What a path leads to that is no regular file, in words; null for one, and where there is nothing.</summary>
    public static string? KindOf(string path)
    {
        try
        {
            FileStatus status = FileStatus.Of(path);
            return status.IsRegular ? null : status.Kind;
        }
        catch (InputFileException)
        {
            // Nothing is there, or it cannot be asked: then it cannot be written either, which is told by the write.
            return null;
        }
    }
}
