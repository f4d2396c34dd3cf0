using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Serve.Tests;

/// <summary>
/// A daemon that is a process of its own, with a folder of its own; it is killed and started again as often as a test likes, by the test or
/// by a service manager that keeps its descriptors.
/// </summary>
internal sealed class DaemonScene : IAsyncDisposable
{
    public const long Pages = 2048;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-daemon-");
    private readonly VmmPrograms _programs;
    private readonly bool _isManaged;
    private readonly List<string> _unread = [];
    private readonly List<VmmProcess> _guests = [];
    private VmmProcess? _process;

    private DaemonScene(VmmPrograms programs, bool isManaged, string policy, string config, string runtime)
    {
        _programs = programs;
        _isManaged = isManaged;
        SnapshotFile.Write(Memory, Pages);
        File.WriteAllText(
            Configuration,
            $$"""
            serve {
              control = {{Control}}
              state = {{State}}
              {{config}}
              sessions { one { socket = {{Socket}}, memory = {{Memory}}, on-failure = {{policy}} } }
            }
            {{runtime}}
            """);
    }

    public string Memory => Of("memory");

    /// <summary>What the daemon has said and nobody has waited for.</summary>
    public IReadOnlyList<string> Unread => _unread;

    public string Socket => Of("socket");

    public string Control => Of("control");

    public string State => Of("state");

    private string Configuration => Of("daemon.conf");

    public static string Bytes => (Pages * 4096).ToString(CultureInfo.InvariantCulture);

    public static async Task<DaemonScene> StartAsync(
        VmmPrograms programs, bool isManaged = false, string policy = "freeze", string config = "", string runtime = "")
    {
        DaemonScene scene = new(programs, isManaged, policy, config, runtime);
        await scene.StartDaemonAsync();
        return scene;
    }

    /// <summary>A guest that is handed over; it has said so. It ends with the scene.</summary>
    public async Task<VmmProcess> GuestAsync(string program, params IReadOnlyList<string> arguments)
    {
        VmmProcess vmm = new(_programs.Of(program), [Socket, Bytes, .. arguments]);
        _guests.Add(vmm);
        await vmm.UntilAsync(program == "cloud-hypervisor" ? "answered" : "handed over");
        return vmm;
    }

    /// <summary>Waits for lines of the daemon, in any order; a star stands for what follows. Others are kept for the next call.</summary>
    /// <returns>The lines that were waited for.</returns>
    public async Task<List<string>> UntilAsync(params IReadOnlyList<string> wanted)
    {
        List<string> found = [];
        List<string> open = [.. wanted];
        foreach (string line in _unread.ToArray())
        {
            if (TryMatch(open, line, found)) _ = _unread.Remove(line);
        }

        while (open.Count > 0)
        {
            string? line = await _process!.LineAsync();
            Assert.True(line is not null, $"It has ended: {string.Join('\n', _unread)}");
            if (!TryMatch(open, line, found)) _unread.Add(line);
        }

        return found;
    }

    private static bool TryMatch(List<string> open, string line, List<string> found)
    {
        string? match = open.FirstOrDefault(w => w.EndsWith('*') ? line.StartsWith(w[..^1], StringComparison.Ordinal) : line == w);
        if (match is null) return false;
        _ = open.Remove(match);
        found.Add(line);
        return true;
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.DisposeAsync();
    }

    /// <summary>SIGKILL, and the next start. Waits until it is ready.</summary>
    public async Task RestartAsync()
    {
        if (_isManaged)
        {
            await _process!.GoOnAsync();
            _ = await UntilAsync("ready");
            return;
        }

        await KillAsync();
        await StartDaemonAsync();
    }

    public async Task StartDaemonAsync()
    {
        string[] command = Program.Daemon(Configuration);
        _process = _isManaged
            ? new VmmProcess(_programs.Of("service-manager"), [_folder.FullName, .. command])
            : new VmmProcess(command[0], command[1..]);
        _ = await UntilAsync("ready");
    }

    /// <summary>SIGTERM, and its end.</summary>
    public async Task<string> StopAsync()
    {
        using (Process kill = Process.Start("kill", ["-TERM", _process!.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        return await _process.EndAsync();
    }

    /// <summary>Descriptors of the daemon that only a guest can have cost: it has none of them when it has no guests.</summary>
    public string[] DescriptorsOfGuests()
    {
        List<string> found = [];
        foreach (string path in Directory.GetFileSystemEntries($"/proc/{_process!.Id}/fd"))
        {
            string target = new FileInfo(path).LinkTarget ?? "";
            if (target.Contains("userfaultfd", StringComparison.Ordinal) || target.Contains("pidfd", StringComparison.Ordinal)
                || target.EndsWith(".events", StringComparison.Ordinal) || target == Memory) found.Add(target);
        }

        return [.. found];
    }

    /// <summary>How many descriptors the daemon has of each kind; those of assemblies, which it loads by and by, left out.</summary>
    public Dictionary<string, int> Descriptors() =>
        Directory.GetFileSystemEntries($"/proc/{_process!.Id}/fd").Select(path => new FileInfo(path).LinkTarget).OfType<string>()
            .Where(target => !target.EndsWith(".dll", StringComparison.Ordinal)).GroupBy(target => target.Split('[')[0])
            .ToDictionary(kind => kind.Key, kind => kind.Count());

    /// <summary>Bytes of memory that are the daemon's own.</summary>
    public long MemoryBytes() => long.Parse(
        File.ReadLines($"/proc/{_process!.Id}/status").First(l => l.StartsWith("RssAnon:", StringComparison.Ordinal))["RssAnon:".Length..]
            .Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) << 10;

    /// <summary>Files of guests that are kept.</summary>
    public string[] Kept() =>
    [
        .. ((string[])["*.guest.json", "*.events", "*.written"]).SelectMany(ending => Directory.GetFiles(State, ending)),
    ];

    public async ValueTask DisposeAsync()
    {
        foreach (VmmProcess vmm in _guests) await vmm.DisposeAsync();
        // The manager kills its service when its input ends.
        if (_isManaged) await _process!.CloseAsync();
        else await KillAsync();
        _folder.Delete(recursive: true);
    }

    private string Of(string name) => Path.Combine(_folder.FullName, name);
}
