using System.Net.Sockets;
using System.Text.Json;
using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve.Daemon;

/// <summary>
/// The control socket of a daemon: requests and answers, a line each, in order on every connection. Only this user and root are served; a
/// connection costs 64 KiB at most, and the number of connections is limited.
/// </summary>
internal sealed class ControlListener : IAsyncDisposable
{
    private const int MostConnections = 32;
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);
    private readonly HandOverListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    private ControlListener(HandOverListener listener) => _listener = listener;

    /// <summary>Listens.</summary>
    /// <exception cref="ServeException">It cannot listen there.</exception>
    public static ControlListener Open(string path) => new(HandOverListener.Open(path));

    /// <summary>Takes requests from now on.</summary>
    public void Start(ServeDaemon daemon) => _accepting = AcceptAsync(new ControlHandler(daemon));

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] connections;
        lock (_gate) connections = [.. _connections];
        await Task.WhenAll(connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync(ControlHandler handler)
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket connection;
            try
            {
                connection = await _listener.AcceptAsync(_stop.Token);
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

            lock (_gate)
            {
                if (_connections.Count == MostConnections)
                {
                    connection.Dispose();
                    continue;
                }

                Task serving = Task.Run(() => ServeAsync(connection, handler), CancellationToken.None);
                _ = _connections.Add(serving);
                _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
        }
    }

    private void Forget(Task serving)
    {
        lock (_gate) _ = _connections.Remove(serving);
    }

    private async Task ServeAsync(Socket socket, ControlHandler handler)
    {
        using Socket connection = socket;
        try
        {
            if (RefusalOf(connection) is { } refusal)
            {
                await SendAsync(connection, ControlHandler.Refused(refusal));
                return;
            }

            LineReader lines = new(connection, ControlFormat.MostBytes);
            while (true)
            {
                using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                late.CancelAfter(Idle);
                if (await lines.ReadAsync(late.Token) is not { } line) return;
                late.CancelAfter(Timeout.InfiniteTimeSpan);
                await SendAsync(connection, await AnswerAsync(connection, handler, line));
            }
        }
        catch (ServeException e)
        {
            // Where the next request begins is not known.
            await SendAsync(connection, ControlHandler.Refused(e.Message));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The peer has closed its connection, or the daemon ends.
        }
    }

    // A long request is given up when its peer closes the connection.
    private async Task<ControlAnswer> AnswerAsync(Socket connection, ControlHandler handler, ReadOnlyMemory<byte> line)
    {
        using CancellationTokenSource gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task<ControlAnswer> answer = handler.AnswerAsync(line, gone.Token);
        if (answer.IsCompleted) return await answer;
        using CancellationTokenSource answered = new();
        Task watching = CancelWhenGoneAsync(connection, gone, answered.Token);
        try
        {
            return await answer;
        }
        finally
        {
            await answered.CancelAsync();
            await watching;
        }
    }

    private static async Task CancelWhenGoneAsync(Socket connection, CancellationTokenSource gone, CancellationToken answered)
    {
        try
        {
            // Waits until bytes have come; reads none.
            _ = await connection.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, answered);
            if (connection.Available == 0) await gone.CancelAsync();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await gone.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The request has been answered.
        }
    }

    private static string? RefusalOf(Socket connection)
    {
        try
        {
            using PeerProcess peer = PeerProcess.Of(connection);
            return peer.User == 0 || peer.User == PeerProcess.ThisUser
                ? null
                : $"User {peer.User} may not control this daemon; its own ({PeerProcess.ThisUser}) may, and root.";
        }
        catch (Exception e) when (e is UffdException or SyscallException)
        {
            return $"The user at the other end cannot be determined: {e.Message}";
        }
    }

    private static async Task SendAsync(Socket connection, ControlAnswer answer)
    {
        try
        {
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(answer, ControlFormat.Json), (byte)'\n'];
            for (int sent = 0; sent < line.Length;) sent += await connection.SendAsync(line.AsMemory(sent), SocketFlags.None);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The next read fails too, and ends the connection.
        }
    }
}
