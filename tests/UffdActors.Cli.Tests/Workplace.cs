using System.Reflection;
using System.Runtime.InteropServices;

namespace UffdActors.Cli.Tests;

/// <summary>A folder of a test's own, and the files that tests start from.</summary>
internal sealed class Workplace : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-cli-").FullName;

    /// <summary>A real file of some megabytes that every machine has that runs the tests.</summary>
    public static string RealFile { get; } = System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libcoreclr.so");

    /// <summary>The assembly of the sample module.</summary>
    public static string SampleRom { get; } = System.IO.Path.GetFullPath(
        typeof(Workplace).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "SampleRom").Value!);

    public string[] Files => [.. Directory.GetFiles(_folder).Select(f => System.IO.Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    /// <summary>A folder for temporary files (TMPDIR) of a process that is started: whatever the process leaves is in it.</summary>
    public string Temporary => Directory.CreateDirectory(Path("temporary")).FullName;

    public string Path(string name) => System.IO.Path.Combine(_folder, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(Path(name), text);
        return Path(name);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
