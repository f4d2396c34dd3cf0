using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>How a link ends.</summary>
public sealed class LinkTests
{
    [Fact]
    public void A_lane_whose_link_is_lost_while_it_is_welcomed_has_ended_and_nothing_worse()
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Lane lane = new(1, socket, new MemoryStream());
        lane.Dispose();
        Assert.Throws<IOException>(() => Handshake.Welcome(lane, 0, 1));
    }

    [Fact]
    public async Task The_last_frame_can_be_read_before_any_other_lane_ends()
    {
        using TwoEnds folder = new();
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(folder.Destination));
        listener.Listen(2);
        using Link link = new(1, 1, TimeSpan.FromMinutes(1), null, (_, _) => { });
        using Socket urgent = Connect(link, 0);
        using Socket background = Connect(link, 1);
        link.Urgent.SendText(new FrameHeader { Kind = MessageKind.Abandon }, "enough");

        Task finishing = Task.Run(link.Finish);
        byte[] bytes = new byte[256];
        int length = 0;
        while (urgent.Receive(bytes.AsSpan(length)) is > 0 and var count) length += count;
        Assert.Equal(MessageKind.Abandon, FrameHeader.Read(bytes).Kind);
        Assert.Equal(FrameHeader.Size + 6, length);
        // A reader that sees another lane end would close this one, and what of it is unread would be lost.
        Assert.False(background.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectRead));
        urgent.Dispose();
        await finishing;
        Assert.Equal(0, background.Receive(bytes));

        Socket Connect(Link of, int number)
        {
            Socket ours = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            ours.Connect(new UnixDomainSocketEndPoint(folder.Destination));
            Lane lane = new(number, ours, new NetworkStream(ours, ownsSocket: false));
            Assert.True(of.TryAdd(lane));
            of.Read(lane, l => l.ReadHeader());
            return listener.Accept();
        }
    }
}
