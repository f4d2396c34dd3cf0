using System.Text;
using UffdActors.Cli.Hosting;
using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Pictures;

/// <summary>Writes a picture in full, or says why not.</summary>
internal static class PictureFile
{
    /// <summary>Writes text as UTF-8.</summary>
    /// <exception cref="CommandException">The file cannot be written.</exception>
    public static void Write(string option, string path, string text) => Write(option, path, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes bytes: what was there is replaced when all of them are written.</summary>
    /// <exception cref="CommandException">The file cannot be written.</exception>
    public static void Write(string option, string path, byte[] bytes)
    {
        string partial = path + ".partial";
        try
        {
            OutputFile.Check(path);
            File.WriteAllBytes(partial, bytes);
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
            throw CommandException.BadInput($"{option} {path}: the file cannot be written ({e.Message}).");
        }
    }
}
