using System.Runtime.InteropServices;

namespace UffdActors.Model.Inputs;

/// <summary>
/// A file that is given as input and cannot be used. The message says what is wrong with it. A reader of one format names the file and the
/// line too; <see cref="InputFile"/> leaves the name to its caller.
/// </summary>
public sealed class InputFileException : IOException
{
    private const int NoEntry = 2;
    private const int NoFolder = 20;
    private const int Loop = 40;

    /// <summary>Makes the exception.</summary>
    public InputFileException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    internal static InputFileException Of(string path, int errno) => new(errno switch
    {
        NoEntry when new FileInfo(path).LinkTarget is { } target => $"it is a link to \"{target}\", where there is no file",
        NoEntry or NoFolder => "there is no such file",
        Loop => "its links lead in a circle",
        _ => Marshal.GetPInvokeErrorMessage(errno),
    });
}
