using System.Net;
using System.Net.Sockets;
using System.Text;

namespace UffdActors.Serve.Daemon;

/// <summary>
/// Answers GET of <c>/healthz</c> and <c>/metrics</c> over HTTP/1.1, one request a connection, at a Unix socket or a loopback address: for
/// a supervisor and a collector on this machine, and nobody else.
/// </summary>
internal sealed class HealthServer : IAsyncDisposable
{
    private const int MostBytes = 8 << 10;
    private const int MostConnections = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly Socket _socket;
    private readonly string? _path;
    private readonly Func<string, (int Code, string Type, string Body)> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private int _connections;

    private HealthServer(Socket socket, string? path, Func<string, (int Code, string Type, string Body)> answer)
    {
        (_socket, _path, _answer) = (socket, path, answer);
        _accepting = AcceptAsync();
    }

    /// <summary>Listens.</summary>
    /// <param name="where"><c>unix:PATH</c>, or a loopback address and a port, as in <c>127.0.0.1:9440</c>.</param>
    /// <param name="answer">Code, type and text for a path.</param>
    /// <exception cref="ServeException">It cannot listen there.</exception>
    public static HealthServer Open(string where, Func<string, (int Code, string Type, string Body)> answer)
    {
        const string Unix = "unix:";
        EndPoint point;
        string? path = null;
        if (where.StartsWith(Unix, StringComparison.Ordinal))
        {
            path = where[Unix.Length..];
            if (!Path.IsPathRooted(path)) throw new ServeException($"http = {where}: write the path from the root on.");
            point = new UnixDomainSocketEndPoint(path);
        }
        else if (IPEndPoint.TryParse(where, out IPEndPoint? address) && address.Port > 0 && IPAddress.IsLoopback(address.Address))
        {
            point = address;
        }
        else
        {
            throw new ServeException($"http = {where}: write unix:PATH, or a loopback address and a port, as in 127.0.0.1:9440.");
        }

        Socket socket = new(
            point.AddressFamily, SocketType.Stream, path is null ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            // The file that a killed predecessor has left; the lock of the state folder says that no other process lives.
            if (path is not null) File.Delete(path);
            socket.Bind(point);
            socket.Listen(MostConnections);
            return new HealthServer(socket, path, answer);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new ServeException($"http = {where}: cannot listen there ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _accepting;
        if (_path is not null) File.Delete(_path);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = await _socket.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // EMFILE: wait until a descriptor is closed.
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, CancellationToken.None);
                continue;
            }

            if (Interlocked.Increment(ref _connections) > MostConnections)
            {
                connection.Dispose();
                _ = Interlocked.Decrement(ref _connections);
                continue;
            }

            _ = Task.Run(() => ServeAsync(connection), CancellationToken.None);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using Socket its = connection;
            using CancellationTokenSource late = new(Patience);
            (int code, string type, string body) = await ReadAsync(its, late.Token) is { } path
                ? _answer(path)
                : (400, "text/plain", "GET of /healthz or /metrics is answered here.\n");
            byte[] text = Encoding.UTF8.GetBytes(body);
            string head = FormattableString.Invariant(
                $"HTTP/1.1 {code} {(HttpStatusCode)code}\r\nContent-Type: {type}\r\nContent-Length: {text.Length}\r\n")
                + "Connection: close\r\n\r\n";
            byte[] all = [.. Encoding.ASCII.GetBytes(head), .. text];
            for (int sent = 0; sent < all.Length;) sent += await its.SendAsync(all.AsMemory(sent), SocketFlags.None, late.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer has closed its connection, or was too slow.
        }
        finally
        {
            _ = Interlocked.Decrement(ref _connections);
        }
    }

    // The path of a GET, once its head is there in full.
    private static async Task<string?> ReadAsync(Socket connection, CancellationToken cancel)
    {
        byte[] room = new byte[MostBytes];
        for (int end = 0; end < room.Length;)
        {
            int read = await connection.ReceiveAsync(room.AsMemory(end), SocketFlags.None, cancel);
            if (read == 0) return null;
            end += read;
            if (room.AsSpan(0, end).IndexOf("\r\n\r\n"u8) < 0) continue;
            string[] words = Encoding.ASCII.GetString(room, 0, room.AsSpan(0, end).IndexOf("\r\n"u8)).Split(' ');
            return words is ["GET", var path, _] ? path.Split('?')[0] : null;
        }

        return null;
    }
}
