using System.Buffers.Binary;
using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>
/// Stands between source and destination, reads every frame, and sends some of them on wrong: another bit, a frame twice, late, not at all
/// or in part, bytes of no frame, a frame that neither has sent. What it does follows from a seed and the frames that pass.
/// </summary>
internal sealed class ManglingProxy : IDisposable
{
    private const int SignsOfLifeOfQuiet = 6;
    private const int RefusalsOfQuiet = 40;
    private const int Flood = 100;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly TaskCompletionSource _quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Wrong> _done = [];
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = [];
    private readonly string _to;
    private readonly int _oneIn;
    private ulong _random;
    private int _left;
    private int _refused;
    private int _signsOfLife;

    public ManglingProxy(string from, string to, ulong seed)
    {
        (_to, _random) = (to, seed);
        _left = 1 + Below(4);
        _oneIn = 2 + Below(40);
        _listener.Bind(new UnixDomainSocketEndPoint(from));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>
    /// Ends when nothing but signs of life passes, or nothing listens any more: what is not over by then waits for an operator.
    /// </summary>
    public Task Quiet => _quiet.Task;

    /// <summary>What was done so far.</summary>
    public IReadOnlyList<Wrong> Done
    {
        get
        {
            lock (_gate) return [.. _done];
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        lock (_gate)
        {
            foreach (Socket socket in _open) socket.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket source = await _listener.AcceptAsync();
                Socket destination = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                lock (_gate) _open.AddRange([source, destination]);
                try
                {
                    await destination.ConnectAsync(new UnixDomainSocketEndPoint(_to));
                }
                catch (SocketException)
                {
                    source.Dispose();
                    if (++_refused == RefusalsOfQuiet) _ = _quiet.TrySetResult();
                    continue;
                }

                _ = PassAsync(source, destination);
                _ = PassAsync(destination, source);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task PassAsync(Socket from, Socket to)
    {
        byte[]? late = null;
        try
        {
            while (await ReadAsync(from) is { } frame)
            {
                Wrong wrong;
                byte[] sent;
                lock (_gate) (wrong, sent) = Judge(frame);
                // The frame before it has waited for this one.
                if (late is not null) sent = [.. sent, .. late];
                late = wrong == Wrong.Late ? frame : null;
                for (int n = wrong == Wrong.Flood ? Flood : 1; n > 0; n--)
                {
                    for (int done = 0; done < sent.Length;) done += await to.SendAsync(sent.AsMemory(done));
                }

                if (wrong == Wrong.Cut) break;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or closed.
        }

        from.Dispose();
        to.Dispose();
    }

    private static async Task<byte[]?> ReadAsync(Socket from)
    {
        byte[] header = new byte[FrameHeader.Size];
        if (!await FillAsync(from, header)) return null;
        // Both ends are ours, so what comes is a frame.
        byte[] frame = new byte[FrameHeader.Size + FrameHeader.Read(header).Body];
        header.CopyTo(frame, 0);
        return await FillAsync(from, frame.AsMemory(FrameHeader.Size)) ? frame : null;
    }

    private static async Task<bool> FillAsync(Socket from, Memory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = await from.ReceiveAsync(bytes);
            if (count == 0) return false;
            bytes = bytes[count..];
        }

        return true;
    }

    /// <summary>Decides on a frame.</summary>
    /// <returns>What is done, and the bytes that go on in its place.</returns>
    private (Wrong Wrong, byte[] Sent) Judge(byte[] frame)
    {
        if ((MessageKind)frame[4] == MessageKind.Ping)
        {
            if (++_signsOfLife == SignsOfLifeOfQuiet) _ = _quiet.TrySetResult();
        }
        else
        {
            _signsOfLife = 0;
        }

        if (_left == 0 || Below(_oneIn) != 0) return (Wrong.None, frame);
        _left--;
        Wrong wrong = (Wrong)(1 + Below((int)Wrong.Flood));
        _done.Add(wrong);
        return (wrong, wrong switch
        {
            Wrong.HeaderBit => Flipped(frame, FrameHeader.Size),
            Wrong.BodyBit => Flipped(frame, frame.Length),
            Wrong.Twice => [.. frame, .. frame],
            Wrong.Dropped or Wrong.Late => [],
            Wrong.Cut => frame[..Below(frame.Length)],
            Wrong.NoFrame => [.. Bytes(1 + Below(200)), .. frame],
            Wrong.Forged => [.. Forged(), .. frame],
            _ => frame,
        });
    }

    private byte[] Flipped(byte[] frame, int length)
    {
        byte[] wrong = [.. frame];
        wrong[Below(length)] ^= (byte)(1 << Below(8));
        return wrong;
    }

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) bytes[i] = (byte)Below(256);
        return bytes;
    }

    /// <summary>A frame of any kind, within the limits as often as not.</summary>
    private byte[] Forged()
    {
        MessageKind kind = (MessageKind)(1 + Below(21));
        bool hasPages = kind is MessageKind.Content or MessageKind.Answer or MessageKind.Request or MessageKind.Discard;
        int pages = hasPages ? 1 + Below(600) : 0;
        int runs = kind is MessageKind.Content or MessageKind.Answer ? 1 : 0;
        int body = kind switch
        {
            MessageKind.Discard => (pages + 7) / 8,
            MessageKind.Content or MessageKind.Answer => FrameHeader.RunBytes,
            MessageKind.Hello => Hello.Size,
            MessageKind.Welcome => Welcome.Size,
            MessageKind.Offer => Offer.SizeOf(1),
            MessageKind.Verdict => Sha256.Size,
            MessageKind.HandOver or MessageKind.Finished => Below(1 << 16),
            MessageKind.Lost or MessageKind.Refused or MessageKind.Rejected or MessageKind.Abandon => Below(WireLimits.TextBytes),
            _ => 0,
        };
        byte[] frame = new byte[FrameHeader.Size + body];
        new FrameHeader
        {
            Kind = kind,
            Body = body,
            Region = kind == MessageKind.Offer ? 1 : 0,
            Id = (ulong)Below(3),
            FirstPage = hasPages ? Below(600) : 0,
            Pages = pages,
            Runs = runs,
        }.Write(frame);
        if (runs > 0) BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(FrameHeader.Size), pages << 1);
        else Bytes(body).CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    private int Below(int end) => (int)(SplitMix.Next(ref _random) % (ulong)end);
}
