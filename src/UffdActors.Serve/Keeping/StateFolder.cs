using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Model.Inputs;

namespace UffdActors.Serve.Keeping;

/// <summary>
/// Where a daemon keeps what its successor needs: a file for each session and for each guest, replaced as a whole, so that whoever reads
/// one sees an old or a new one and none in between. Held by one process at a time.
/// </summary>
/// <remarks>Best in memory (<c>/run</c>): a guest does not outlive the machine either. Any thread.</remarks>
internal sealed class StateFolder : IDisposable
{
    private const int MostBytes = 1 << 20;
    // <errno.h>: what flock(2) says of a file that is locked.
    private const int Locked = 11;
    private readonly FileStream _lock;

    private StateFolder(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>How files of the state are written.</summary>
    public static JsonSerializerOptions Format { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        MaxDepth = 8,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Opens a folder, and holds it until it is disposed of, or this process ends.</summary>
    /// <param name="path">Its path; made if it is not there.</param>
    /// <exception cref="ServeException">It cannot be used.</exception>
    public static StateFolder Open(string path)
    {
        OwnFolder.Make(path, "State folder");
        string held = System.IO.Path.Combine(path, "lock");
        try
        {
            // Nobody else opens it as long as this stream is there: the kernel lets go of it with the process.
            return new StateFolder(path, new FileStream(held, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (e.HResult == Locked)
        {
            throw new ServeException(
                $"State folder \"{path}\" is held by another process; stop it first, or use another folder.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServeException($"State folder \"{path}\" cannot be written to ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Path of a file of it.</summary>
    public string Of(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file, as a whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written; what was there is there still.</exception>
    public void Write<T>(string name, T content)
    {
        string path = Of(name);
        string next = path + ".next";
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (FileStream file = new(next, options))
        {
            JsonSerializer.Serialize(file, content, Format);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }

    /// <summary>Reads a file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="check">Holds that its content can be used; a <see cref="ServeException"/> of it is told of the file.</param>
    /// <exception cref="ServeException">It is none of ours; the message names the file, the place in it and what to do.</exception>
    public T Read<T>(string name, Action<T> check)
    {
        string path = Of(name);
        try
        {
            T read = JsonSerializer.Deserialize<T>(InputFile.ReadText(path, MostBytes), Format)
                ?? throw new ServeException("the document is null");
            check(read);
            return read;
        }
        catch (Exception e) when (e is InputFileException or JsonException or ServeException or HandOverException)
        {
            string why = e is JsonException json ? InputFile.ProblemOf(json) : e.Message.TrimEnd('.');
            string line = string.Concat(why.Select(c => char.IsControl(c) ? '?' : c));
            throw new ServeException(
                $"State file \"{path}\" cannot be used: {line}. No daemon has written it like this: put it back as it was, or remove it.",
                e);
        }
    }

    /// <summary>Names of the files with an ending, in order.</summary>
    public IReadOnlyList<string> Names(string ending) =>
        [.. Directory.EnumerateFiles(Path, "*" + ending).Select(f => System.IO.Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>Deletes a file, if it is there.</summary>
    public void Delete(string name) => File.Delete(Of(name));

    /// <inheritdoc />
    public void Dispose() => _lock.Dispose();
}
