using System.Buffers.Binary;
using System.Net.Sockets;
using UffdActors.PostCopy.Migration;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>What a pre-copy has brought, and what of it is old.</summary>
public sealed class CopiedPagesTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_that_was_discarded_is_not_taken_even_if_its_old_content_comes_later(bool contentIsLate)
    {
        using CopiedPages pages = new([4]);
        if (!contentIsLate) TakeZeros(pages, 0, 2);
        Discard(pages, 1);
        // The two come over different lanes, so their order is not that in which they were sent.
        if (contentIsLate) TakeZeros(pages, 0, 2);
        pages.EndContent();
        Assert.Equal(CopiedContent.Zero, pages.Look(0, 0, 1, out _));
        Assert.Equal(CopiedContent.None, pages.Look(0, 1, 2, out _));

        // Sent once more after a hand-over that came to nothing, it is as good as any.
        TakeZeros(pages, 1, 1);
        pages.EndContent();
        Assert.Equal(CopiedContent.Zero, pages.Look(0, 1, 2, out _));
    }

    [Fact]
    public void Pages_that_the_guest_does_not_have_are_not_discarded()
    {
        using CopiedPages pages = new([4]);
        Assert.Throws<WireException>(() => Discard(pages, 4));
    }

    private static void Discard(CopiedPages pages, long page)
    {
        byte[] bits = [1];
        pages.Discard(new FrameHeader { Kind = MessageKind.Discard, FirstPage = page, Pages = 1 }, bits);
    }

    private static void TakeZeros(CopiedPages pages, long first, int count)
    {
        byte[] run = new byte[FrameHeader.RunBytes];
        BinaryPrimitives.WriteInt32LittleEndian(run, count << 1);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using Lane lane = new(1, socket, new MemoryStream(run));
        FrameHeader header = new() { Kind = MessageKind.Content, FirstPage = first, Pages = count, Runs = 1, Body = FrameHeader.RunBytes };
        pages.Take(lane, header, 1, new byte[FrameHeader.RunBytes]);
    }
}
