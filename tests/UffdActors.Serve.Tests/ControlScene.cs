using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace UffdActors.Serve.Tests;

/// <summary>A daemon in this process, with a folder of its own and no sessions.</summary>
internal sealed class ControlScene : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-control-");
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();
    private readonly UffdRuntime _runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
    private ServeDaemon? _daemon;

    public ServeDaemon Daemon => _daemon!;

    public string Control => Of("control");

    public string Memory => Of("memory");

    public static async Task<ControlScene> StartAsync(
        int maxSessions = 16, int maxGuests = 16, long pages = ServeScene.Pages, long? cacheBytes = null)
    {
        ControlScene scene = new();
        SnapshotFile.Write(scene.Memory, pages);
        scene._daemon = await ServeDaemon.StartAsync(scene._runtime, new DaemonOptions
        {
            Control = scene.Control,
            State = scene.Of("state"),
            MaxSessions = maxSessions,
            MaxGuests = maxGuests,
            CacheBytes = cacheBytes,
            Http = "unix:" + scene.Of("http"),
            Observer = (session, what) =>
                scene._events.Writer.TryWrite($"{session} {what.Number} {(object?)what.End ?? what.Kind} {what.Message}"),
        });
        return scene;
    }

    /// <summary>Starts another daemon of the same runtime.</summary>
    public Task<ServeDaemon> StartOtherAsync(DaemonOptions options) => ServeDaemon.StartAsync(_runtime, options);

    public string Of(string name) => Path.Combine(_folder.FullName, name);

    public SessionSpec Spec(string name) => new() { Session = name, Socket = Of(name), Memory = Memory };

    /// <summary>Lets every user come to the control socket.</summary>
    public void OpenToAll()
    {
        if (OperatingSystem.IsWindows()) return;
        const int Everybody = 511;
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)Everybody);
        File.SetUnixFileMode(Control, (UnixFileMode)Everybody);
    }

    /// <summary>VMs that the runtime has made until now.</summary>
    public async Task<int> VmsSoFarAsync()
    {
        await using UffdVm next = await _runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        return int.Parse(next.Name.AsSpan("vm-".Length), CultureInfo.InvariantCulture);
    }

    public Task<ControlClient> ConnectAsync() => ControlClient.ConnectAsync(Control);

    /// <summary>Waits for an event that begins so.</summary>
    public async Task<string> UntilAsync(string wanted)
    {
        using CancellationTokenSource late = new(ServeScene.Deadline);
        string next;
        do next = await _events.Reader.ReadAsync(late.Token);
        while (!next.StartsWith(wanted, StringComparison.Ordinal));
        return next;
    }

    /// <summary>What is answered to bytes, up to the end of the connection.</summary>
    public async Task<string> SayAsync(ReadOnlyMemory<byte> bytes, string? path = null)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path ?? Control));
        using CancellationTokenSource late = new(ServeScene.Deadline);
        try
        {
            for (int sent = 0; sent < bytes.Length;) sent += await socket.SendAsync(bytes[sent..], SocketFlags.None, late.Token);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // It has said enough already.
        }

        StringBuilder answer = new();
        byte[] room = new byte[4096];
        try
        {
            for (int read; (read = await socket.ReceiveAsync(room, SocketFlags.None, late.Token)) > 0;)
                _ = answer.Append(Encoding.UTF8.GetString(room, 0, read));
        }
        catch (SocketException)
        {
            // Closed with bytes unread.
        }

        return answer.ToString();
    }

    /// <summary>What is answered to a GET.</summary>
    public Task<string> GetAsync(string path) => SayAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"), Of("http"));

    public async ValueTask DisposeAsync()
    {
        await Daemon.DisposeAsync();
        await _runtime.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
