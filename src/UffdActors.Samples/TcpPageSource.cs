using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace UffdActors.Samples;

/// <summary>
/// A page source of one's own, over TCP: <see cref="Request"/> only notes what is asked for, because it is called in a turn and must not
/// block; a task of its own asks the server and hands each page over when it has come.
/// </summary>
internal sealed class TcpPageSource : IPageSource
{
    private readonly Channel<(PageOrder Order, IPageReceiver Receiver)> _orders = Channel.CreateUnbounded<(PageOrder, IPageReceiver)>();
    private readonly TcpClient _client;
    private readonly Task _asking;

    private TcpPageSource(TcpClient client, long pages)
    {
        _client = client;
        Pages = pages;
        _asking = AskAsync();
    }

    /// <inheritdoc />
    public long Pages { get; }

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <summary>Connects.</summary>
    public static async Task<TcpPageSource> ConnectAsync(IPEndPoint server, long pages)
    {
        TcpClient client = new() { NoDelay = true };
        await client.ConnectAsync(server);
        return new TcpPageSource(client, pages);
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver) => _orders.Writer.TryWrite((order, receiver));

    /// <inheritdoc />
    public void Dispose()
    {
        _ = _orders.Writer.TryComplete();
        _client.Dispose();
    }

    private async Task AskAsync()
    {
        NetworkStream stream = _client.GetStream();
        byte[] request = new byte[8];
        byte[] bytes = new byte[TcpPageServer.PageBytes];
        await foreach ((PageOrder order, IPageReceiver receiver) in _orders.Reader.ReadAllAsync())
        {
            try
            {
                for (long page = order.FirstPage; page < order.FirstPage + order.Pages && !order.Cancel.IsCancellationRequested; page++)
                {
                    BinaryPrimitives.WriteInt64LittleEndian(request, page);
                    await stream.WriteAsync(request, order.Cancel);
                    await stream.ReadExactlyAsync(bytes);
                    bytes.CopyTo(order.Room(page, 1));
                    nint place = order.Buffer + (nint)((page - order.FirstPage) * bytes.Length);
                    receiver.Received(order.Id, page, 1, SourceContent.Bytes, place);
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // The page is asked for again, later and later, until the source is back or the patience is over.
                receiver.Failed(order.Id, e);
            }
        }
    }
}
