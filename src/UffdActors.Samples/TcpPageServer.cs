using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace UffdActors.Samples;

/// <summary>
/// The other end of <see cref="TcpPageSource"/>: a request is the number of a page (8 bytes, little-endian), the answer that page. Page N
/// is full of the byte N.
/// </summary>
internal sealed class TcpPageServer : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    public const int PageBytes = 4096;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    /// <summary>Listens, for one client.</summary>
    public TcpPageServer()
    {
        _listener.Start();
        _ = ServeAsync();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    /// <inheritdoc />
    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync()
    {
        using TcpClient client = await _listener.AcceptTcpClientAsync();
        client.NoDelay = true;
        await using NetworkStream stream = client.GetStream();
        byte[] request = new byte[8];
        byte[] page = new byte[PageBytes];
        while (await stream.ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false) == request.Length)
        {
            page.AsSpan().Fill((byte)BinaryPrimitives.ReadInt64LittleEndian(request));
            await stream.WriteAsync(page);
        }
    }
}
