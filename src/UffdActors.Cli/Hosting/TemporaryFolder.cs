using System.Collections.Concurrent;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// A folder among the temporary files, removed with all that is in it: when it is disposed of, or by <see cref="ImmediateEnd"/>.
/// </summary>
internal sealed class TemporaryFolder : IDisposable
{
    private static readonly ConcurrentDictionary<string, bool> Present = [];

    private TemporaryFolder(string path) => Path = path;

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <param name="prefix">What its name begins with.</param>
    public static TemporaryFolder Create(string prefix)
    {
        TemporaryFolder folder = new(Directory.CreateTempSubdirectory(prefix).FullName);
        Present[folder.Path] = true;
        return folder;
    }

    /// <summary>Path of a file in it.</summary>
    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Removes those that this process has not disposed of.</summary>
    public static void LeaveNothing()
    {
        foreach (string path in Present.Keys)
        {
            try
            {
                Directory.Delete(path, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else removes it, or writes to it, at this moment.
            }
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _ = Present.TryRemove(Path, out _);
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // The process is being ended by force, at this moment.
        }
    }
}
