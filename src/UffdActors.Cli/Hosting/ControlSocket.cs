using System.Net.Sockets;
using System.Text;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// A Unix socket on which another process gives commands to this one: a line in, a line out, a connection each. Only its owner can reach
/// it.
/// </summary>
internal sealed class ControlSocket : IDisposable
{
    /// <summary>How an answer begins that refuses the command.</summary>
    public const string Refused = "refused: ";

    private const int LongestLine = 256;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Socket _socket;

    private ControlSocket(string path, Socket socket)
    {
        _path = path;
        _socket = socket;
    }

    /// <summary>Listens.</summary>
    /// <param name="path">Where; null for nowhere.</param>
    /// <param name="command">Follows a command, and says in a line how it went.</param>
    /// <exception cref="CommandException">It cannot listen there.</exception>
    public static ControlSocket? Open(string? path, Func<string, Task<string>> command)
    {
        if (path is null) return null;
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(4);
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw CommandException.BadInput($"--control {path}: cannot listen there ({e.Message}).");
        }

        ControlSocket control = new(path, socket);
        _ = control.ListenAsync(command);
        return control;
    }

    /// <summary>Gives a command to another process.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static async Task<string> AskAsync(string path, string command, CancellationToken cancel)
    {
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
            await using NetworkStream stream = new(socket);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\n"), cancel);
            using StreamReader reader = new(stream);
            return await reader.ReadLineAsync(cancel)
                ?? throw new CommandException(ExitCode.Failed, $"{path}: the migration has ended before it could answer.");
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IOException)
        {
            throw CommandException.BadInput($"{path}: no migration listens there ({e.Message}); see its --control.");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _socket.Dispose();
        File.Delete(_path);
    }

    private async Task ListenAsync(Func<string, Task<string>> command)
    {
        while (true)
        {
            try
            {
                using Socket peer = await _socket.AcceptAsync();
                using CancellationTokenSource late = new(Patience);
                await using NetworkStream stream = new(peer);
                byte[] line = new byte[LongestLine];
                int length = 0;
                while (length < line.Length && !line.AsSpan(0, length).Contains((byte)'\n'))
                {
                    int count = await stream.ReadAsync(line.AsMemory(length), late.Token);
                    if (count == 0) break;
                    length += count;
                }

                string answer = await command(Encoding.UTF8.GetString(line, 0, length).Trim());
                await stream.WriteAsync(Encoding.UTF8.GetBytes(answer + "\n"), late.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The peer has closed its connection; take the next one.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
