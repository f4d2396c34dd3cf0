using System.Globalization;
using System.Net.Sockets;
using System.Text;
using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve.Keeping;

/// <summary>
/// The service manager that has started this process (systemd, or one that speaks as it does): takes what is told of it, and keeps
/// descriptors for the next start. Without one, nothing is told, and nothing kept.
/// </summary>
/// <remarks>Any thread. Descriptors that came with the start belong to this object until they are taken.</remarks>
internal sealed class ServiceManager : IDisposable
{
    private const int FirstDescriptor = 3;
    private const int MostDescriptors = 1 << 16;
    private readonly Socket? _socket;
    private readonly Dictionary<string, ReceivedDescriptor> _kept;

    private ServiceManager(Socket? socket, Dictionary<string, ReceivedDescriptor> kept, bool keepsDescriptors)
    {
        _socket = socket;
        _kept = kept;
        KeepsDescriptors = keepsDescriptors;
    }

    /// <summary>True if there is one, and it has said that it keeps descriptors (FDSTORE, systemd 254).</summary>
    public bool KeepsDescriptors { get; }

    /// <summary>Why nothing is told to the manager that the environment names; null if all is well, or none is named.</summary>
    public string? Trouble { get; private init; }

    /// <summary>How often it wants to hear that this process is well (WatchdogSec=); null if not at all.</summary>
    public TimeSpan? Watchdog { get; private init; }

    /// <summary>No manager: nothing is told, and nothing kept.</summary>
    public static ServiceManager None() => new(null, [], keepsDescriptors: false);

    /// <summary>The manager of this process, by its environment, which is emptied of it: children have none.</summary>
    public static ServiceManager OfThisProcess()
    {
        Dictionary<string, ReceivedDescriptor> kept = Inherited();
        string? path = Taken("NOTIFY_SOCKET");
        bool keeps = int.TryParse(Taken("FDSTORE"), NumberStyles.None, CultureInfo.InvariantCulture, out int most) && most > 0;
        string? watched = Taken("WATCHDOG_PID");
        bool isWatched = watched is null || watched == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        TimeSpan? watchdog = long.TryParse(Taken("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long micro)
            && micro > 0 && isWatched ? TimeSpan.FromMicroseconds(micro) : null;
        Socket? socket = path is null ? null : Connect(path);
        return new ServiceManager(socket, kept, keeps && socket is not null)
        {
            Watchdog = watchdog,
            Trouble = path is null || socket is not null
                ? null
                : $"NOTIFY_SOCKET \"{path}\" cannot be connected to: the service manager hears nothing, and keeps no descriptors.",
        };
    }

    /// <summary>
    /// Tells something: <c>READY=1</c>, <c>STOPPING=1</c>, <c>WATCHDOG=1</c>, <c>STATUS=…</c>. Nobody waits for an answer.
    /// </summary>
    public void Tell(string state) => Send(state);

    /// <summary>Gives it a descriptor to keep for the next start, under a name.</summary>
    /// <param name="name">Name, of letters, digits, dots, hyphens and underscores.</param>
    /// <param name="descriptor">Number of the descriptor, which stays the caller's.</param>
    public void Keep(string name, int descriptor) =>
        // FDPOLL=0: a userfaultfd that blocks is in error for poll, and a connection whose other end is gone is at an end; both are kept.
        Send($"FDSTORE=1\nFDPOLL=0\nFDNAME={name}", descriptor);

    /// <summary>Tells it to close the descriptors of a name.</summary>
    public void Forget(string name) => Send($"FDSTOREREMOVE=1\nFDNAME={name}");

    /// <summary>Takes a descriptor that came with the start; the manager has it still.</summary>
    /// <returns>Null if it has kept none of the name.</returns>
    public ReceivedDescriptor? Take(string name)
    {
        lock (_kept) return _kept.Remove(name, out ReceivedDescriptor? descriptor) ? descriptor : null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_kept)
        {
            foreach (ReceivedDescriptor descriptor in _kept.Values) descriptor.Dispose();
            _kept.Clear();
        }

        _socket?.Dispose();
    }

    private static Dictionary<string, ReceivedDescriptor> Inherited()
    {
        Dictionary<string, ReceivedDescriptor> kept = new(StringComparer.Ordinal);
        string? process = Taken("LISTEN_PID");
        string? count = Taken("LISTEN_FDS");
        string[] names = (Taken("LISTEN_FDNAMES") ?? "").Split(':');
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int descriptors)) return kept;
        for (int i = 0; i < Math.Min(descriptors, MostDescriptors); i++)
        {
            ReceivedDescriptor descriptor;
            try
            {
                descriptor = ReceivedDescriptor.Inherited(FirstDescriptor + i);
            }
            catch (SyscallException)
            {
                continue;
            }

            if (i >= names.Length || !kept.TryAdd(names[i], descriptor)) descriptor.Dispose();
        }

        return kept;
    }

    private static string? Taken(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        if (value is not null) Environment.SetEnvironmentVariable(name, null);
        return string.IsNullOrEmpty(value) ? null : value;
    }

    private static Socket? Connect(string path)
    {
        if (path[0] is not ('/' or '@')) return null;
        Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private void Send(string text, params ReadOnlySpan<int> descriptors)
    {
        if (_socket is null) return;
        try
        {
            PeerSocket.Send(_socket, Encoding.UTF8.GetBytes(text), descriptors);
        }
        catch (Exception e) when (e is SyscallException or ObjectDisposedException)
        {
            // The manager has ended, and with it the descriptors that it kept; a restarted one does not announce itself.
        }
    }
}
