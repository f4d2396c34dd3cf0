using System.Net.Sockets;
using System.Security.Cryptography;
using UffdActors.Model.Inputs;

namespace UffdActors.Serve;

/// <summary>
/// The Unix socket to which VMMs connect. A file that a listener has left behind is replaced, one that somebody listens at is not. With
/// this object the file goes too.
/// </summary>
public sealed class HandOverListener : IDisposable
{
    /// <summary>The most bytes that the path of a Unix socket has on Linux.</summary>
    public const int MaxPathBytes = 107;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite
        | UnixFileMode.OtherExecute;

    private const int Backlog = 64;
    private const int LongestUnnamed = 12;
    private const int MostNames = 100;
    private readonly Socket _socket;

    private HandOverListener(string path, Socket socket)
    {
        Path = path;
        _socket = socket;
    }

    /// <summary>Where it listens.</summary>
    public string Path { get; }

    /// <summary>
    /// A sentence if users other than its own can enter the socket's folder, and so put another socket in its place; null if none can.
    /// </summary>
    public string? Advice
    {
        get
        {
            string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
            if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(folder) & Others) == 0) return null;
            string mode = Convert.ToString((int)File.GetUnixFileMode(folder), 8);
            return $"Folder {folder} is open to other users (mode {mode}); use one of mode 0700, where nobody can replace the socket.";
        }
    }

    /// <summary>Listens. The file appears, with its permissions, when connections are accepted.</summary>
    /// <param name="path">Path of the socket.</param>
    /// <param name="mode">Its permissions: who may write may connect.</param>
    /// <exception cref="ServeException">It cannot listen there.</exception>
    public static HandOverListener Open(string path, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        int bytes = System.Text.Encoding.UTF8.GetByteCount(path);
        if (bytes > MaxPathBytes)
            throw new ServeException(
                $"Socket path \"{path}\" has {bytes} bytes; the kernel takes {MaxPathBytes} at most: use a shorter folder.");
        MakeRoom(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Renamed to its place last, so that a VMM that connects as soon as the file is there is not refused.
            string unnamed = Bind(socket, path);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(unnamed, mode);
            socket.Listen(Backlog);
            // A file that another process has put there meanwhile is not replaced.
            File.Move(unnamed, path, overwrite: false);
            return new HandOverListener(path, socket);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Disposal removes the name that was bound.
            socket.Dispose();
            throw new ServeException($"Socket \"{path}\": cannot listen there ({e.Message}).", e);
        }
    }

    /// <summary>Number of its descriptor in this process; it stays this object's.</summary>
    internal int Descriptor => (int)_socket.Handle;

    /// <summary>Listens on with a socket that a predecessor has listened with: who has connected since waits there.</summary>
    /// <param name="path">Path of the socket.</param>
    /// <param name="descriptor">The socket; taken over.</param>
    internal static HandOverListener Of(string path, Linux.Peers.ReceivedDescriptor descriptor) =>
        Of(path, new Socket(new SafeSocketHandle(descriptor.Take(), ownsHandle: true)));

    /// <summary>Listens on with a socket that listens; <see cref="Leave"/> ends it, for the path may be none.</summary>
    internal static HandOverListener Of(string path, Socket listening) => new(path, listening);

    /// <summary>Ends, and leaves the file to a successor.</summary>
    internal void Leave() => _socket.Dispose();

    /// <summary>Takes the next connection.</summary>
    /// <exception cref="SocketException">No descriptor is left for it, or the listener is disposed of.</exception>
    public async Task<Socket> AcceptAsync(CancellationToken cancellationToken = default) => await _socket.AcceptAsync(cancellationToken);

    /// <inheritdoc />
    public void Dispose()
    {
        _socket.Dispose();
        File.Delete(Path);
    }

    // A random name in the same folder, no longer than the kernel allows.
    private static string Bind(Socket socket, string path)
    {
        string folder = path[..^System.IO.Path.GetFileName(path).Length];
        int room = Math.Min(LongestUnnamed, MaxPathBytes - System.Text.Encoding.UTF8.GetByteCount(folder));
        for (int tries = 0; ; tries++)
        {
            string unnamed = folder + RandomNumberGenerator.GetHexString(room, lowercase: true);
            try
            {
                socket.Bind(new UnixDomainSocketEndPoint(unnamed));
                return unnamed;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && tries < MostNames)
            {
                // The name is in use; where the path leaves room for a short one only, that happens. Try another.
            }
        }
    }

    private static void MakeRoom(string path)
    {
        if (!File.Exists(path))
        {
            if (Directory.Exists(path)) throw new ServeException($"Socket \"{path}\" is a folder; name a file in it.");
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e)
        {
            if (e.SocketErrorCode != SocketError.ConnectionRefused)
                throw new ServeException($"Socket \"{path}\": what is at this path cannot be replaced ({e.Message}); use another path.", e);
            // A file that is no socket is refused in the same way, and is somebody's.
            if (!IsSocket(path)) throw new ServeException($"Socket \"{path}\": there is a file that is no socket; use another path.", e);
            File.Delete(path);
            return;
        }

        throw new ServeException($"Socket \"{path}\": another process listens there; stop it, or use another path.");
    }

    private static bool IsSocket(string path)
    {
        try
        {
            InputFile.Check(path);
            return false;
        }
        catch (InputFileException e)
        {
            return e.Message.Contains("a socket", StringComparison.Ordinal);
        }
    }
}
