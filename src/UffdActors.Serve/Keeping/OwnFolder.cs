namespace UffdActors.Serve.Keeping;

/// <summary>A folder that nobody but this user and root enters.</summary>
internal static class OwnFolder
{
    private const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite
        | UnixFileMode.OtherExecute;

    /// <summary>Makes a folder of mode 0700, or holds that one that is there is closed to others.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="what">What it is, for the sentence.</param>
    /// <exception cref="ServeException">It cannot be made, or others can enter it.</exception>
    public static void Make(string path, string what)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException();
        try
        {
            if (!Directory.Exists(path))
            {
                // Those above it are made for it, and are closed as well.
                if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } above && !Directory.Exists(above)) Make(above, what);
                _ = Directory.CreateDirectory(path, Mine);
                return;
            }

            UnixFileMode mode = File.GetUnixFileMode(path);
            if ((mode & Others) != 0)
                throw new ServeException(
                    $"{what} \"{path}\" is open to other users (mode {Convert.ToString((int)mode, 8)}), and its content is trusted; "
                        + $"make it 0700.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServeException($"{what} \"{path}\" cannot be made or looked at ({e.Message.TrimEnd('.')}).", e);
        }
    }
}
