using System.Net.Sockets;
using System.Security.Authentication;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>Accepts connections, and reports those that begin with a source's Hello. Others are closed, without effect on the
/// migration.</summary>
internal sealed class MigrationListener : IDisposable
{
    // Most connections without a Hello yet; further ones are closed at once.
    private const int MostUnknown = 64;

    private readonly Socket _socket;
    private readonly MigrationAddress _address;
    private readonly MigrationTls? _tls;
    private readonly Action<Lane, Hello, ulong> _taken;
    private readonly Action<string> _tell;
    private int _unknown;

    /// <param name="address">Where to listen.</param>
    /// <param name="tls">TLS; null for none.</param>
    /// <param name="taken">Called with a lane, its Hello, and the epoch; on a thread of its own.</param>
    /// <param name="tell">Called with a sentence about each refused connection.</param>
    /// <exception cref="MigrationException">The address cannot be used.</exception>
    public MigrationListener(MigrationAddress address, MigrationTls? tls, Action<Lane, Hello, ulong> taken, Action<string> tell)
    {
        _address = address;
        _tls = tls;
        _taken = taken;
        _tell = tell;
        System.Net.EndPoint end = address.EndPoint;
        _socket = address.NewSocket(end);
        try
        {
            _socket.Bind(end);
            _socket.Listen(MostUnknown);
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw new MigrationException(
                e.SocketErrorCode == SocketError.AddressAlreadyInUse && address.Path is not null
                    ? $"{address}: there is a file already; if no receiver uses it, remove it."
                    : $"{address}: cannot listen there ({e.Message}).",
                e);
        }

        new Thread(Accept) { IsBackground = true, Name = "uffd-listener" }.Start();
    }

    /// <summary>Where it listens, with the port that the system has chosen if it was 0.</summary>
    public string Where => _socket.LocalEndPoint is System.Net.IPEndPoint ip ? $"tcp:{ip}" : _address.Text;

    /// <inheritdoc />
    public void Dispose()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // On a listening socket shutdown ends the wait in accept, and throws since there is no peer.
        }

        _socket.Dispose();
        if (_address.Path is { } path) File.Delete(path);
    }

    private void Accept()
    {
        while (true)
        {
            Socket peer;
            try
            {
                peer = _socket.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            if (Interlocked.Increment(ref _unknown) > MostUnknown)
            {
                _ = Interlocked.Decrement(ref _unknown);
                peer.Dispose();
                continue;
            }

            new Thread(() => Take(peer)) { IsBackground = true, Name = "uffd-handshake" }.Start();
        }
    }

    private void Take(Socket peer)
    {
        try
        {
            if (peer.ProtocolType == ProtocolType.Tcp) peer.NoDelay = true;
            (Lane lane, Hello hello, ulong epoch) = Handshake.Accept(peer, _tls);
            _taken(lane, hello, epoch);
        }
        catch (Exception e) when (e is IOException or WireException or AuthenticationException or SocketException)
        {
            peer.Dispose();
            _tell($"a connection was refused: {e.Message}");
        }
        finally
        {
            _ = Interlocked.Decrement(ref _unknown);
        }
    }
}
