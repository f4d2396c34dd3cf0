using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Hosting;

/// <summary>Files that are written at the end of a long run.</summary>
internal static class WritableFile
{
    /// <summary>Looks at the beginning whether a file can be written at the end; what is there is left as it is.</summary>
    /// <param name="option">Option that names it.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public static void Check(string option, string path)
    {
        try
        {
            if (path.Length == 0 || Directory.Exists(path)) throw new IOException("it is no file");
            OutputFile.Check(path);
            string beside = path + ".partial";
            File.Create(beside).Dispose();
            File.Delete(beside);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandException.BadInput($"{option} {path}: the file cannot be written ({e.Message}).");
        }
    }
}
