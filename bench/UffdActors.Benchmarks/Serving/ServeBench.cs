using System.Diagnostics;
using System.Globalization;
using UffdActors.Model.Memory;

namespace UffdActors.Benchmarks.Serving;

/// <summary>What all rows need: a folder, memory files, a VMM in C that measures, and the command.</summary>
internal sealed class ServeBench : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-figures-");
    private readonly Lazy<string> _vmm;
    private readonly Lazy<string> _copyLoop;
    private int _names;

    public ServeBench(string uffd, string? faultLoop, int rounds)
    {
        (Uffd, FaultLoop, Rounds) = (uffd, faultLoop, rounds);
        _vmm = new Lazy<string>(() => Compile("measured"));
        _copyLoop = new Lazy<string>(() => Compile("copyloop"));
    }

    /// <summary>Path of the command.</summary>
    public string Uffd { get; }

    /// <summary>Path of the loop in C; null if there is none to be compared with.</summary>
    public string? FaultLoop { get; }

    /// <summary>Path of the least that serves another process.</summary>
    public string CopyLoop => _copyLoop.Value;

    /// <summary>Pages of 2 MiB that a VMM can have now: free ones, less those that are promised to others.</summary>
    public static long HugePages => HugePagesOf("free") - HugePagesOf("resv");

    /// <summary>How often what varies is measured.</summary>
    public int Rounds { get; }

    /// <summary>The command beside the sources that this program was built of.</summary>
    public static string FindUffd()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "UffdActors.sln")))
                return Path.Combine(at.FullName, "src/UffdActors.Cli/bin/Release/net10.0/uffd");
        }

        return "uffd";
    }

    /// <summary>A path in the folder that nobody has yet.</summary>
    public string NewPath(string name) => Path.Combine(_folder.FullName, $"{name}-{Interlocked.Increment(ref _names)}");

    /// <summary>A folder of this user alone.</summary>
    public string NewFolder(string name)
    {
        string path = NewPath(name);
        _ = OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(path)
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>
    /// Writes a memory file whose pages tell their numbers in their first words, and leaves holes.
    /// </summary>
    /// <param name="bytes">Its length.</param>
    /// <param name="piece">Bytes that are stored of each stride.</param>
    /// <param name="stride">Bytes from one piece to the next.</param>
    public string Memory(long bytes, long piece, long stride)
    {
        const int Page = 4096;
        string path = NewPath("memory");
        using FileStream file = File.Create(path);
        file.SetLength(bytes);
        byte[] buffer = new byte[piece];
        for (long at = 0; at < bytes; at += stride)
        {
            for (long i = 0; i < piece; i += Page)
            {
                ulong page = (ulong)((at + i) / Page);
                _ = BitConverter.TryWriteBytes(buffer.AsSpan((int)i), 0x5eed000000000000UL ^ GoldenRatio.Hash(page));
            }

            file.Position = at;
            file.Write(buffer, 0, (int)Math.Min(piece, bytes - at));
        }

        return path;
    }

    /// <summary>The same without holes.</summary>
    public string Memory(long bytes) => Memory(bytes, 1 << 20, 1 << 20);

    /// <summary>Starts a VMM that hands over its memory.</summary>
    /// <param name="socket">Where.</param>
    /// <param name="bytes">Bytes of its memory.</param>
    /// <param name="cpu">CPU that its threads are bound to; -1 for any.</param>
    /// <param name="mode">What its guest does, with arguments.</param>
    public MeasuredGuest Guest(string socket, long bytes, int cpu, params IReadOnlyList<string> mode) =>
        new(_vmm.Value, [socket, Text(bytes), Text(cpu), .. mode]);

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it has said.</returns>
    public static async Task<string> RunAsync(string program, params IReadOnlyList<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? said
            : throw new InvalidOperationException($"{program} has ended with {process.ExitCode}: {said}");
    }

    /// <summary>A number out of <c>name=value</c>.</summary>
    public static double Number(string line, string name) => double.Parse(
        line.Split(' ').First(w => w.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);

    /// <inheritdoc />
    public void Dispose() => _folder.Delete(recursive: true);

    private static long HugePagesOf(string kind)
    {
        string path = $"/sys/kernel/mm/hugepages/hugepages-2048kB/{kind}_hugepages";
        return File.Exists(path) ? long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture) : 0;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private string Compile(string name)
    {
        string sources = Path.Combine(AppContext.BaseDirectory, "Serving");
        string binary = NewPath(name);
        using Process gcc = Process.Start(
            "gcc", ["-O2", "-pthread", "-Wno-unused-function", "-I", sources, "-o", binary, Path.Combine(sources, name + ".c")]);
        gcc.WaitForExit();
        return gcc.ExitCode == 0 ? binary : throw new InvalidOperationException($"{name}.c cannot be compiled.");
    }
}
