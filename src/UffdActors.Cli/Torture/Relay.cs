using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>
/// Stands between both ends, reads every frame, and stops at the one of the next disruption: from then on nothing passes until
/// everything is cut. The next connections are the next link.
/// </summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _to;
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = [];
    private readonly IReadOnlyList<Injection> _injections;
    private readonly WireHistory _history = new();
    private TaskCompletionSource<Injection> _struck = New();
    private int _next;
    private int _counted;
    private int _onTheirWay;
    private bool _isHalted;

    /// <param name="from">Where the source connects to.</param>
    /// <param name="to">Where the destination listens.</param>
    /// <param name="disruptions">What happens, one after the other.</param>
    public Relay(string from, string to, IReadOnlyList<Injection> disruptions)
    {
        _to = to;
        _injections = disruptions;
        _listener.Bind(new UnixDomainSocketEndPoint(from));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>
    /// Completes when the frame of the next disruption has been met; from then on no byte passes until <see cref="GoOn"/>.
    /// </summary>
    public Task<Injection> Struck
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

    private static TaskCompletionSource<Injection> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

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
                    // Nothing listens there.
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
            // The relay is disposed of.
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
                (int passing, Injection? disruption) = Judge(connection.Lane, fromSource, header, length);
                bool isOver;
                try
                {
                    for (int sent = 0; sent < passing;) sent += await to.SendAsync(frame.AsMemory(sent, passing - sent));
                }
                finally
                {
                    // Also if the connection was cut meanwhile: the next disruption waits until every frame let through has been counted.
                    isOver = Passed(passing > 0, disruption);
                }

                // The connections stay open and carry nothing until the cut.
                if (isOver) return;
            }

            // One direction is at its end, and the other may still carry frames: closing both sockets would lose them.
            if (connection.IsHalf())
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or WireException)
        {
            // The connection was cut, or one side was killed.
        }

        from.Dispose();
        to.Dispose();
    }

    /// <summary>Decides on a frame.</summary>
    /// <returns>How many of its bytes pass, and the disruption whose frame it is, or null.</returns>
    private (int Passing, Injection? Injection) Judge(int lane, bool fromSource, in FrameHeader header, int length)
    {
        lock (_gate)
        {
            if (_isHalted) return (0, null);
            Injection? next = _next < _injections.Count ? _injections[_next] : null;
            Injection? disruption = next?.Counts(header.Kind, lane) == true && ++_counted == next.Number ? next : null;
            if (disruption is not null)
            {
                _isHalted = true;
                _next++;
                _counted = 0;
            }

            bool arrives = disruption is null or { Arrives: true, Disruption: not Disruption.CutInFrame };
            _history.Note(lane, fromSource, header, arrives);
            if (!arrives && disruption!.Disruption != Disruption.CutInFrame) return (0, disruption);
            _onTheirWay++;
            return (arrives ? length : length / 2, disruption);
        }
    }

    /// <summary>A frame has been forwarded, or dropped: a disruption is dealt once everything that was let through has arrived.</summary>
    /// <returns>True if nothing more passes.</returns>
    private bool Passed(bool wasOnItsWay, Injection? disruption)
    {
        lock (_gate)
        {
            if (wasOnItsWay) _onTheirWay--;
            if (disruption is not null) _fallen = disruption;
            if (_isHalted && _onTheirWay == 0 && _fallen is not null)
            {
                _struck.TrySetResult(_fallen);
                _fallen = null;
            }

            return _isHalted;
        }
    }

    private Injection? _fallen;

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
