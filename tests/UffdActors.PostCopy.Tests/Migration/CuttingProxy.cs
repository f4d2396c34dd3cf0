using System.Net.Sockets;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>
/// Stands between source and destination, and cuts every connection when so many bytes have gone through all of them; as often as told.
/// </summary>
internal sealed class CuttingProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _to;
    private readonly long _cutAfter;
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = [];
    private int _cutsLeft;
    private long _bytes;

    public CuttingProxy(string from, string to, long cutAfter, int cuts)
    {
        (_to, _cutAfter, _cutsLeft) = (to, cutAfter, cuts);
        _listener.Bind(new UnixDomainSocketEndPoint(from));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>Cuts that are still to come.</summary>
    public int CutsLeft => Volatile.Read(ref _cutsLeft);

    public void Dispose()
    {
        _listener.Dispose();
        CutAll();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket one = await _listener.AcceptAsync();
                Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await other.ConnectAsync(new UnixDomainSocketEndPoint(_to));
                }
                catch (SocketException)
                {
                    one.Dispose();
                    continue;
                }

                lock (_gate) _open.AddRange([one, other]);
                _ = CopyAsync(one, other);
                _ = CopyAsync(other, one);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[1 << 15];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                int through = Through(count);
                // The last of it is a part of a frame.
                _ = await to.SendAsync(buffer.AsMemory(0, through));
                if (through < count) CutAll();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or closed.
        }

        from.Dispose();
        to.Dispose();
    }

    private int Through(int count)
    {
        lock (_gate)
        {
            if (_cutsLeft == 0) return count;
            _bytes += count;
            if (_bytes < _cutAfter) return count;
            _bytes = 0;
            _cutsLeft--;
            return count - 1;
        }
    }

    private void CutAll()
    {
        Socket[] all;
        lock (_gate)
        {
            all = [.. _open];
            _open.Clear();
        }

        foreach (Socket socket in all) socket.Dispose();
    }
}
