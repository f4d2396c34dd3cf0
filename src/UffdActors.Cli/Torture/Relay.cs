using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>
/// Stands between both ends, reads every frame, and stops upon the one on which the next blow falls: from then on nothing passes until
/// everything is cut. The next connections are the next link.
/// </summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _to;
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = [];
    private readonly IReadOnlyList<Blow> _blows;
    private readonly WireHistory _history = new();
    private TaskCompletionSource<Blow> _struck = New();
    private int _next;
    private int _counted;
    private int _onTheirWay;
    private bool _isHalted;

    /// <param name="from">Where the source connects to.</param>
    /// <param name="to">Where the destination listens.</param>
    /// <param name="blows">What happens, one after the other.</param>
    public Relay(string from, string to, IReadOnlyList<Blow> blows)
    {
        _to = to;
        _blows = blows;
        _listener.Bind(new UnixDomainSocketEndPoint(from));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>Completes when the frame of the next blow has been met; from then on no byte passes until <see cref="GoOn"/>.</summary>
    public Task<Blow> Struck
    {
        get
        {
            lock (_gate) return _struck.Task;
        }
    }

    /// <summary>What was on the wire; to be asked while nothing passes.</summary>
    public WireHistory History => _history;

    /// <summary>Cuts every connection, and lets new ones through.</summary>
    public void GoOn()
    {
        Socket[] all;
        lock (_gate)
        {
            all = [.. _open];
            _open.Clear();
            _isHalted = false;
            _struck = New();
        }

        foreach (Socket socket in all) socket.Dispose();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _listener.Dispose();
        GoOn();
    }

    private static TaskCompletionSource<Blow> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket source = await _listener.AcceptAsync();
                Socket destination = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await destination.ConnectAsync(new UnixDomainSocketEndPoint(_to));
                }
                catch (SocketException)
                {
                    // No listener there.
                    source.Dispose();
                    destination.Dispose();
                    continue;
                }

                lock (_gate) _open.AddRange([source, destination]);
                Connection connection = new();
                _ = PassAsync(source, destination, fromSource: true, connection);
                _ = PassAsync(destination, source, fromSource: false, connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool fromSource, Connection connection)
    {
        byte[] frame = new byte[FrameHeader.Size + (1 << 17)];
        try
        {
            while (await FillAsync(from, frame.AsMemory(0, FrameHeader.Size)))
            {
                FrameHeader header = FrameHeader.Read(frame);
                int length = FrameHeader.Size + header.Body;
                if (frame.Length < length) Array.Resize(ref frame, length);
                if (!await FillAsync(from, frame.AsMemory(FrameHeader.Size, header.Body))) break;
                if (header.Kind == MessageKind.Hello) connection.Lane = Hello.Read(frame.AsSpan(FrameHeader.Size)).Lane;
                (int passing, Blow? blow) = Judge(connection.Lane, fromSource, header, length);
                bool isOver;
                try
                {
                    for (int sent = 0; sent < passing;) sent += await to.SendAsync(frame.AsMemory(sent, passing - sent));
                }
                finally
                {
                    // Also if it was cut meanwhile: the next blow waits for what is on its way.
                    isOver = Passed(passing > 0, blow);
                }

                // The connections stay open, and silent.
                if (isOver) return;
            }

            // A side that has said its last word may still be told something; closing both would lose what is on its way to either.
            if (connection.IsHalf())
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or WireException)
        {
            // Cut, or one side is dead.
        }

        from.Dispose();
        to.Dispose();
    }

    /// <summary>Decides on a frame.</summary>
    /// <returns>How many of its bytes pass, and the blow whose frame it is, or null.</returns>
    private (int Passing, Blow? Blow) Judge(int lane, bool fromSource, in FrameHeader header, int length)
    {
        lock (_gate)
        {
            if (_isHalted) return (0, null);
            Blow? blow = _next < _blows.Count && _blows[_next].Counts(header.Kind, lane) && ++_counted == _blows[_next].Number
                ? _blows[_next]
                : null;
            if (blow is not null)
            {
                _isHalted = true;
                _next++;
                _counted = 0;
            }

            bool arrives = blow is null or { Arrives: true, Strike: not Strike.CutInFrame };
            _history.Note(lane, fromSource, header, arrives);
            if (!arrives && blow!.Strike != Strike.CutInFrame) return (0, blow);
            _onTheirWay++;
            return (arrives ? length : length / 2, blow);
        }
    }

    /// <summary>A frame has been forwarded, or dropped: a blow is dealt once everything that was let through has arrived.</summary>
    /// <returns>True if nothing more passes.</returns>
    private bool Passed(bool wasOnItsWay, Blow? blow)
    {
        lock (_gate)
        {
            if (wasOnItsWay) _onTheirWay--;
            if (blow is not null) _fallen = blow;
            if (_isHalted && _onTheirWay == 0 && _fallen is not null)
            {
                _struck.TrySetResult(_fallen);
                _fallen = null;
            }

            return _isHalted;
        }
    }

    private Blow? _fallen;

    private static async Task<bool> FillAsync(Socket from, Memory<byte> bytes)
    {
        for (int filled = 0; filled < bytes.Length;)
        {
            int count = await from.ReceiveAsync(bytes[filled..]);
            if (count == 0) return false;
            filled += count;
        }

        return true;
    }

    private sealed class Connection
    {
        /// <summary>Which lane of a link it is; known with its first frame.</summary>
        public volatile int Lane;

        private int _ended;

        /// <summary>One direction has come to its end.</summary>
        /// <returns>True if the other has not.</returns>
        public bool IsHalf() => Interlocked.Increment(ref _ended) == 1;
    }
}
