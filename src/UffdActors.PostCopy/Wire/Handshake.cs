using System.Net.Sockets;

namespace UffdActors.PostCopy.Wire;

/// <summary>How a connection becomes a lane: Hello of the source, Welcome of the destination, each within a time.</summary>
internal static class Handshake
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Opens a lane; blocks.</summary>
    /// <param name="address">Where the destination listens.</param>
    /// <param name="tls">TLS; null for none.</param>
    /// <param name="hello">The Hello that is sent.</param>
    /// <param name="epoch">The epoch that was handed over last.</param>
    /// <param name="running">The epoch that runs at the destination; 0 for none.</param>
    /// <param name="destination">Which destination it is.</param>
    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="WireException">The destination refuses it, or does not speak this protocol.</exception>
    public static Lane Open(
        MigrationAddress address, MigrationTls? tls, in Hello hello, ulong epoch, out ulong running, out UInt128 destination)
    {
        Socket? socket = null;
        try
        {
            System.Net.EndPoint end = address.EndPoint;
            socket = address.NewSocket(end);
            socket.SendTimeout = socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
            socket.Connect(end);
            Stream stream = new NetworkStream(socket, ownsSocket: false);
            if (tls is not null) stream = tls.Client(stream, address.Host ?? "localhost");
            Lane lane = new(hello.Lane, socket, stream);
            Span<byte> body = stackalloc byte[Hello.Size];
            hello.Write(body);
            lane.Send(new FrameHeader { Kind = MessageKind.Hello, Id = epoch }, body);
            FrameHeader answer = lane.ReadHeader();
            if (answer.Kind == MessageKind.Rejected) throw new WireException(lane.ReadText(answer));
            if (answer.Kind != MessageKind.Welcome) throw new WireException($"the destination answered the first frame with {answer.Kind}");
            destination = Wire.Welcome.Read(lane.ReadBody(answer)).Destination;
            running = answer.Id;
            lane.LimitReads(null);
            return lane;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new IOException(e.Message, e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    /// <summary>Takes the first frame of a connection; blocks.</summary>
    /// <exception cref="IOException">The connection has ended, or nothing came.</exception>
    /// <exception cref="WireException">It is none of this protocol.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">Its certificate is not accepted.</exception>
    public static (Lane Lane, Hello Hello, ulong Epoch) Accept(Socket socket, MigrationTls? tls)
    {
        socket.SendTimeout = socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        Stream stream = new NetworkStream(socket, ownsSocket: false);
        if (tls is not null) stream = tls.Server(stream);
        // The number of the lane comes with the first frame, which is read with the larger buffer of the urgent lane.
        Lane first = new(0, socket, stream);
        FrameHeader header = first.ReadHeader();
        if (header.Kind != MessageKind.Hello) throw new WireException("the first frame is not a source's Hello");
        ReadOnlySpan<byte> body = first.ReadBody(header);
        bool isOfOther = Hello.IsOfOtherVersion(body);
        Hello hello;
        try
        {
            hello = Hello.Read(body);
        }
        catch (WireException e) when (isOfOther)
        {
            // A source of another release is told why: a connection that only ends looks like a destination that is not there yet.
            Reject(first, e.Message);
            throw;
        }

        // Nothing follows a Hello before it has been answered.
        Lane lane = hello.Lane == 0 ? first : new Lane(hello.Lane, socket, stream);
        return (lane, hello, header.Id);
    }

    /// <summary>Answers that the connection is a lane.</summary>
    /// <exception cref="IOException">The connection has ended.</exception>
    public static void Welcome(Lane lane, ulong running, UInt128 destination)
    {
        Span<byte> body = stackalloc byte[Wire.Welcome.Size];
        new Welcome(Hello.Current, destination).Write(body);
        lane.LimitReads(null);
        lane.Send(new FrameHeader { Kind = MessageKind.Welcome, Id = running }, body);
    }

    /// <summary>Answers that it is not, and closes it.</summary>
    public static void Reject(Lane lane, string why)
    {
        try
        {
            lane.SendText(new FrameHeader { Kind = MessageKind.Rejected }, why);
        }
        catch (IOException)
        {
            // The peer has closed the connection before it could be answered.
        }

        lane.Dispose();
    }
}
