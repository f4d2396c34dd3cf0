using System.Collections.Concurrent;
using System.Diagnostics;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// A folder among the temporary files, removed with all that is in it: when it is disposed of, by <see cref="ImmediateEnd"/>, or, if this
/// process is killed, by the children that it has started meanwhile (<see cref="ParentWatch"/>).
/// </summary>
internal sealed class TemporaryFolder : IDisposable
{
    private const string OfParent = "UFFD_FOLDERS_OF_PARENT";

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

    /// <summary>Tells a child which folders it is to remove if this process is killed.</summary>
    public static void EntrustTo(ProcessStartInfo child) => child.Environment[OfParent] = string.Join('\n', Present.Keys);

    /// <summary>Removes those that the parent of this process has left when it was killed.</summary>
    public static void LeaveNothingOfParent() =>
        Remove((Environment.GetEnvironmentVariable(OfParent) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Removes those that this process has not disposed of.</summary>
    public static void LeaveNothing() => Remove(Present.Keys);

    private static void Remove(IEnumerable<string> paths)
    {
        foreach (string path in paths)
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
