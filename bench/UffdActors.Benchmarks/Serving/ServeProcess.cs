using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary><c>uffd serve</c> as a process of its own, which is looked at from outside.</summary>
internal sealed class ServeProcess : IAsyncDisposable
{
    private readonly IReadOnlyList<string> _command;
    private readonly string _folder;
    private Process? _process;

    private ServeProcess(string folder, IReadOnlyList<string> command, string socket)
    {
        (_folder, _command, Socket) = (folder, command, socket);
    }

    /// <summary>Where VMMs hand over.</summary>
    public string Socket { get; }

    /// <summary>How long its latest start took until it served.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>Bytes of memory that are its own.</summary>
    public long MemoryBytes => Status("VmRSS") << 10;

    /// <summary>Threads.</summary>
    public long Threads => Status("Threads");

    /// <summary>Bytes that it has read by system calls.</summary>
    public long BytesRead => Field("io", "rchar");

    /// <summary>Time on a CPU of all of its threads, those that have ended among them; to a hundredth of a second.</summary>
    public TimeSpan CpuTime => _process!.TotalProcessorTime;

    /// <summary>A daemon with one session.</summary>
    /// <param name="bench">What all rows need.</param>
    /// <param name="memory">Its memory file.</param>
    /// <param name="settings">Lines of the block <c>serve</c>.</param>
    /// <param name="cpus">CPUs that all of it is bound to, as of taskset(1); null for any.</param>
    /// <param name="runtime">Settings of the runtime.</param>
    public static async Task<ServeProcess> DaemonAsync(
        ServeBench bench, string memory, string settings = "", string? cpus = null, string runtime = "")
    {
        string folder = bench.NewFolder("daemon");
        string socket = Path.Combine(folder, "vm");
        string configuration = Path.Combine(folder, "daemon.conf");
        await File.WriteAllTextAsync(
            configuration,
            $$"""
            serve {
              control = {{folder}}/control/socket
              state = {{folder}}/state
              {{settings}}
              sessions { one { socket = {{socket}}, memory = {{memory}} } }
            }
            {{runtime}}
            """);
        return await StartAsync(folder, bench.Uffd, ["serve", "--config", configuration], socket, cpus);
    }

    /// <summary>A server whose back end decompresses.</summary>
    public static Task<ServeProcess> BackEndAsync(ServeBench bench, long bytes, string cpus)
    {
        string folder = bench.NewFolder("backend");
        string socket = Path.Combine(folder, "vm");
        string length = bytes.ToString(CultureInfo.InvariantCulture);
        return StartAsync(folder, Own, ["serve-back-end", socket, length], socket, cpus);
    }

    /// <summary>The form for one memory file.</summary>
    public static Task<ServeProcess> PlainAsync(ServeBench bench, string memory, params IReadOnlyList<string> options)
    {
        string folder = bench.NewFolder("plain");
        string socket = Path.Combine(folder, "vm");
        return StartAsync(folder, bench.Uffd, ["serve", "--socket", socket, "--memory", memory, .. options], socket, cpus: null);
    }

    /// <summary>The loop in C that serves from memory.</summary>
    public static Task<ServeProcess> CopyLoopAsync(ServeBench bench, string memory, string cpus)
    {
        string folder = bench.NewFolder("copyloop");
        string socket = Path.Combine(folder, "vm");
        return StartAsync(folder, bench.CopyLoop, [socket, memory], socket, cpus);
    }

    /// <summary>Starts it, again if it was killed, and waits until it serves.</summary>
    public async Task StartAsync()
    {
        long begun = Stopwatch.GetTimestamp();
        _process = Process.Start(new ProcessStartInfo(_command[0], _command.Skip(1)) { RedirectStandardOutput = true })!;
        string? line;
        do line = await _process.StandardOutput.ReadLineAsync();
        while (line?.Contains("serving ", StringComparison.Ordinal) == false);
        if (line is null) throw new InvalidOperationException("The daemon has ended at its start.");
        StartTime = Stopwatch.GetElapsedTime(begun);
        // What it says of its guests is nobody's.
        _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    // This program; the path of the process is that of dotnet where it was started by that.
    private static string Own => Path.Combine(AppContext.BaseDirectory, "UffdActors.Benchmarks");

    private static async Task<ServeProcess> StartAsync(
        string folder, string uffd, IReadOnlyList<string> arguments, string socket, string? cpus)
    {
        string[] bound = cpus is null ? [] : ["taskset", "-c", cpus];
        ServeProcess process = new(folder, [.. bound, uffd, .. arguments], socket);
        await process.StartAsync();
        return process;
    }

    private long Status(string name) => Field("status", name);

    private long Field(string file, string name) => long.Parse(
        File.ReadLines($"/proc/{_process!.Id}/{file}").First(l => l.StartsWith(name + ":", StringComparison.Ordinal))
            [(name.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(),
        CultureInfo.InvariantCulture);
}
