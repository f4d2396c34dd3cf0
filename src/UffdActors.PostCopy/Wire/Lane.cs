using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace UffdActors.PostCopy.Wire;

/// <summary>
/// One connection of a link: whole frames out, from any thread; frames in, for one reading thread. Any failure, of the socket or of the
/// protocol, ends the lane for good, and with it the link.
/// </summary>
/// <remarks>
/// Blocking calls on plain sockets: a thread that waits for bytes is woken directly, without a hop over the thread pool. A send that the
/// peer does not accept within <see cref="SendTimeout"/> fails, so that no turn of the ring waits for a peer that is stopped.
/// </remarks>
internal sealed class Lane : IDisposable
{
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(5);

    // A demanded page is received with one call (header, runs, bytes); bulk data is received straight into its destination.
    private const int UrgentBuffer = 8192;
    private const int BulkBuffer = 256;
    private const int SmallFrame = 1024;

    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly Lock _sending = new();
    private readonly byte[] _out = new byte[SmallFrame];
    private readonly byte[] _in;
    private int _from;
    private int _to;
    private long _heard;
    private long _bytesIn;
    private long _bytesOut;
    private readonly CancellationTokenSource _closed = new();

    /// <param name="number">0 for the urgent lane.</param>
    /// <param name="socket">The connection, which becomes the lane's.</param>
    /// <param name="stream">The bytes of it: the socket's own, or those under TLS.</param>
    public Lane(int number, Socket socket, Stream stream)
    {
        Number = number;
        _socket = socket;
        _stream = stream;
        _in = new byte[number == 0 ? UrgentBuffer : BulkBuffer];
        _socket.SendTimeout = (int)SendTimeout.TotalMilliseconds;
    }

    /// <summary>0 for the urgent lane, 1 and up for background lanes.</summary>
    public int Number { get; }

    /// <summary>Frames that have come in; used to detect a dead peer.</summary>
    public long Heard => Volatile.Read(ref _heard);

    /// <summary>Bytes of content that have come in.</summary>
    public long BytesIn => Volatile.Read(ref _bytesIn);

    /// <summary>Bytes that went out.</summary>
    public long BytesOut => Volatile.Read(ref _bytesOut);

    /// <summary>Cancelled when this side ends the lane.</summary>
    public CancellationToken Closed => _closed.Token;

    /// <summary>Descriptor that is readable when bytes have come; null under TLS, where bytes on the socket need not be readable
    /// content.</summary>
    public SafeHandle? Polled => _stream is NetworkStream ? _socket.SafeHandle : null;

    /// <summary>Limits how long a read waits; null for no limit.</summary>
    /// <exception cref="IOException">The lane has ended: its link may be lost while it is being added.</exception>
    public void LimitReads(TimeSpan? limit)
    {
        try
        {
            _socket.ReceiveTimeout = limit is { } time ? (int)time.TotalMilliseconds : 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException("the lane has ended", e);
        }
    }

    /// <summary>Sends a frame.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void Send(FrameHeader header, ReadOnlySpan<byte> body = default)
    {
        header = header with { Body = body.Length };
        lock (_sending)
        {
            header.Write(_out);
            if (body.Length <= SmallFrame - FrameHeader.Size)
            {
                body.CopyTo(_out.AsSpan(FrameHeader.Size));
                Put(_out.AsSpan(0, FrameHeader.Size + body.Length));
                return;
            }

            Put(_out.AsSpan(0, FrameHeader.Size));
            Put(body);
        }
    }

    /// <summary>Sends a frame with a text, cut if it is too long.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void SendText(FrameHeader header, string text)
    {
        Span<byte> bytes = stackalloc byte[WireLimits.TextBytes];
        Encoder encoder = Encoding.UTF8.GetEncoder();
        encoder.Convert(text, bytes, flush: true, out _, out int used, out _);
        Send(header, bytes[..used]);
    }

    /// <summary>Sends a frame that the caller has assembled.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void SendFrame(ReadOnlySpan<byte> frame)
    {
        lock (_sending) Put(frame);
    }

    /// <summary>Waits for the next header.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    /// <exception cref="WireException">The peer does not keep to the protocol.</exception>
    public FrameHeader ReadHeader()
    {
        while (_to - _from < FrameHeader.Size) Fill();
        FrameHeader header = FrameHeader.Read(_in.AsSpan(_from, FrameHeader.Size));
        _from += FrameHeader.Size;
        Volatile.Write(ref _heard, _heard + 1);
        return header;
    }

    /// <summary>Receives available bytes, with one call; does not wait if <see cref="Polled"/> is readable.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void Receive() => Fill();

    /// <summary>Peeks at the next frame, without reading it.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="left">Bytes of it that have not been received.</param>
    /// <returns>False if its header has not come.</returns>
    /// <exception cref="WireException">The peer does not keep to the protocol.</exception>
    public bool TryLook(out FrameHeader header, out int left)
    {
        (header, left) = (default, 0);
        if (_to - _from < FrameHeader.Size) return false;
        header = FrameHeader.Read(_in.AsSpan(_from, FrameHeader.Size));
        left = Math.Max(0, FrameHeader.Size + header.Body - (_to - _from));
        return true;
    }

    /// <summary>True if a whole frame fits into the buffer.</summary>
    public bool HasRoomFor(in FrameHeader header) => FrameHeader.Size + header.Body <= _in.Length;

    /// <summary>Reads a part of the body.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void Read(Span<byte> bytes)
    {
        Volatile.Write(ref _bytesIn, _bytesIn + bytes.Length);
        int ready = Math.Min(bytes.Length, _to - _from);
        _in.AsSpan(_from, ready).CopyTo(bytes);
        _from += ready;
        bytes = bytes[ready..];
        while (bytes.Length > 0)
        {
            if (bytes.Length < _in.Length)
            {
                Fill();
                int part = Math.Min(bytes.Length, _to - _from);
                _in.AsSpan(_from, part).CopyTo(bytes);
                _from += part;
                bytes = bytes[part..];
                continue;
            }

            bytes = bytes[Take(bytes)..];
            // A frame that is being received counts as a sign of life.
            Volatile.Write(ref _heard, _heard + 1);
        }
    }

    /// <summary>Reads a body as a text, for a person to read.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public string ReadText(in FrameHeader header) => PlainText.Of(Encoding.UTF8.GetString(ReadBody(header)));

    /// <summary>Reads a whole body.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    public byte[] ReadBody(in FrameHeader header)
    {
        byte[] body = new byte[header.Body];
        Read(body);
        return body;
    }

    /// <summary>Nothing more is sent. What the peer still sends is read to its end, so that it can read all that was sent here.</summary>
    public void EndSending()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer has closed the connection.
        }
    }

    /// <summary>Ends the lane; reads and writes on it throw. Any thread, any number of times.</summary>
    public void Dispose()
    {
        if (_closed.IsCancellationRequested) return;
        _closed.Cancel();
        try
        {
            // Closing alone does not wake a thread that waits in the socket.
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The connection is at its end already.
        }

        _socket.Dispose();
    }

    private void Fill()
    {
        if (_from == _to) _from = _to = 0;
        else if (_to == _in.Length)
        {
            _in.AsSpan(_from, _to - _from).CopyTo(_in);
            (_from, _to) = (0, _to - _from);
        }

        _to += Take(_in.AsSpan(_to));
    }

    private int Take(Span<byte> bytes)
    {
        try
        {
            int count = _stream.Read(bytes);
            if (count == 0) throw new EndOfStreamException("the peer has closed the connection");
            return count;
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("the connection has been closed", e);
        }
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
            Volatile.Write(ref _bytesOut, _bytesOut + bytes.Length);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // After a partly sent frame nothing more can be sent.
            Dispose();
            throw e as IOException ?? new IOException("the connection has been closed", e);
        }
    }
}
