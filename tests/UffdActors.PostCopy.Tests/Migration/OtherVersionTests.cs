using System.Collections.Concurrent;
using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>Ends of releases that have no version of the protocol in common: one line on each side, and nothing else happens.</summary>
public sealed class OtherVersionTests
{
    private const int Previous = Hello.Current - 1;

    [Fact]
    public async Task A_source_of_the_previous_version_is_told_why_it_is_refused_and_the_right_one_is_served()
    {
        using TwoEnds ends = new();
        ConcurrentQueue<string> told = new();
        string? refused = null;
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) = await ends.MoveAsync(
            tell: told.Enqueue,
            during: async (there, arriving) =>
            {
                _ = await there.Listening;
                refused = await Task.Run(() => Assert.Throws<WireException>(() => Handshake.Open(
                    MigrationAddress.Parse($"unix:{ends.Destination}"), null, new Hello(Previous, Previous, 0, 1, 1, 1), 0, out _, out _))
                    .Message);
            });

        Assert.Equal(
            $"the source speaks versions {Previous} to {Previous} of the protocol, and this side version {Hello.Current}; use the same "
                + "release on both sides", refused);
        Assert.Equal(
            $"destination: a connection was refused: {refused}",
            Assert.Single(told, t => t.Contains("refused", StringComparison.Ordinal)));
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.True(source.IsDelivered);
        Assert.Null(error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_source_ends_at_a_destination_of_the_previous_version_with_one_line_and_keeps_its_guest(bool rejects)
    {
        using TwoEnds ends = new();
        using Socket old = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        old.Bind(new UnixDomainSocketEndPoint(ends.Proxy));
        old.Listen();
        Task answering = Task.Run(() =>
        {
            Socket peer = old.Accept();
            Lane lane = Handshake.Accept(peer, null).Lane;
            if (rejects)
            {
                Handshake.Reject(lane, "the source speaks versions 1 to 1 of the protocol, and this side version 0");
                return;
            }

            byte[] body = new byte[Welcome.Size];
            new Welcome(Previous, 7).Write(body);
            lane.Send(new FrameHeader { Kind = MessageKind.Welcome }, body);
        });

        MigrationException ended = await Assert.ThrowsAsync<MigrationException>(() => ends.MoveAsync(throughProxy: true));

        await answering;
        string why = rejects
            ? "the source speaks versions 1 to 1 of the protocol, and this side version 0"
            : $"the destination speaks version {Previous} of the protocol, and this side version {Hello.Current}; use the same release on "
                + "both sides";
        Assert.Contains(why, ended.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', ended.Message);
    }
}
