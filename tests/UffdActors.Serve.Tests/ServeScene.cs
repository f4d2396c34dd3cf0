using System.Globalization;
using System.Threading.Channels;

namespace UffdActors.Serve.Tests;

/// <summary>A server in this process, with a socket and a memory file of its own.</summary>
internal sealed class ServeScene : IAsyncDisposable
{
    public const long Pages = 1024;

    /// <summary>No test asserts that the machine is fast.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-serve-");
    private readonly Channel<ServeEvent> _events = Channel.CreateUnbounded<ServeEvent>();
    private readonly CancellationTokenSource _stop = new();
    private readonly UffdRuntime _runtime;
    private readonly HandOverListener _listener;
    private readonly Task _running;
    private readonly VmmPrograms _programs;

    public ServeScene(
        VmmPrograms programs, FailurePolicy policy = FailurePolicy.Freeze, long pages = Pages, int maxSessions = 16,
        TimeProvider? time = null, Func<SessionOptions, SessionOptions>? how = null)
    {
        _programs = programs;
        Memory = Path.Combine(_folder.FullName, "memory");
        SnapshotFile.Write(Memory, pages);
        _runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        _listener = HandOverListener.Open(Path.Combine(_folder.FullName, "socket"));
        Server = new GuestServer(_runtime, _listener, new GuestServerOptions
        {
            Session = (how ?? (o => o))(new SessionOptions { MemoryPath = Memory, OnFailure = policy }),
            HandOver = new HandOverOptions { Time = time ?? TimeProvider.System, TimeOut = TimeSpan.FromMinutes(1) },
            MaxSessions = maxSessions,
            Observer = what => _events.Writer.TryWrite(what),
        });
        _running = Server.RunAsync(_stop.Token);
    }

    public string Memory { get; }

    public string Socket => _listener.Path;

    public GuestServer Server { get; }

    /// <summary>Bytes of the memory file, as an argument of a VMM.</summary>
    public static string Bytes => (Pages * 4096).ToString(CultureInfo.InvariantCulture);

    /// <summary>Starts a VMM that hands over here.</summary>
    public VmmProcess Start(string program, params IReadOnlyList<string> arguments) => new(_programs.Of(program), [Socket, .. arguments]);

    /// <summary>The next event, which has to be of a kind.</summary>
    public async Task<ServeEvent> NextAsync(ServeEventKind kind)
    {
        ServeEvent next = await NextAnyAsync();
        Assert.True(next.Kind == kind, $"{next.Kind}: {next.Message}");
        return next;
    }

    /// <summary>The next event.</summary>
    public async Task<ServeEvent> NextAnyAsync()
    {
        using CancellationTokenSource late = new(Deadline);
        return await _events.Reader.ReadAsync(late.Token);
    }

    /// <summary>Ends the server.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(Deadline);
    }

    /// <summary>Descriptors of this process that a guest has cost: userfaultfds, pidfds, the memory file.</summary>
    public string[] Descriptors() =>
    [
        .. Directory.GetFileSystemEntries("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).OfType<string>()
            .Where(t => t.Contains("userfaultfd", StringComparison.Ordinal) || t.Contains("pidfd", StringComparison.Ordinal)
                || t.Contains("memfd:guest", StringComparison.Ordinal) || t == Memory),
    ];

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        _listener.Dispose();
        await _runtime.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
