using UffdActors.PostCopy.Migration;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>What a peer may send: everything else is an error before anything is allocated.</summary>
public sealed class FrameTests
{
    [Fact]
    public void A_header_of_any_bytes_is_within_the_limits_or_refused()
    {
        ulong state = 7;
        byte[] bytes = new byte[FrameHeader.Size];
        int taken = 0;
        for (int i = 0; i < 200_000; i++)
        {
            new FrameHeader { Kind = (MessageKind)(SplitMix.Next(ref state) % 24), Pages = 3, Runs = 2, Body = 4096 + 8 }.Write(bytes);
            for (ulong n = SplitMix.Next(ref state) % 4; n > 0; n--)
                bytes[SplitMix.Next(ref state) % FrameHeader.Size] = (byte)SplitMix.Next(ref state);
            try
            {
                FrameHeader header = FrameHeader.Read(bytes);
                taken++;
                Assert.InRange(header.Body, 0, WireLimits.StateBytes + Sha256.Size);
                Assert.InRange(header.Pages, 0, WireLimits.PagesADiscard);
                Assert.InRange(header.Runs, 0, WireLimits.PagesAFrame);
                Assert.True(header.FirstPage >= 0 && header.FirstPage <= WireLimits.PagesARegion - header.Pages);
                Assert.True(Enum.IsDefined(header.Kind));
            }
            catch (WireException)
            {
                // Refused.
            }
        }

        Assert.InRange(taken, 1_000, 190_000);
    }

    [Fact]
    public void A_header_comes_back_as_it_was_written()
    {
        FrameHeader header = new()
        {
            Kind = MessageKind.Answer,
            Region = 3,
            Id = 0x1_0000_0007,
            FirstPage = 1L << 30,
            Pages = 5,
            Runs = 2,
            Body = (2 * 4) + 8192,
        };
        byte[] bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        Assert.Equal(header, FrameHeader.Read(bytes));
    }

    [Theory]
    [InlineData(5, 2, 3, 1, "more pages than the frame")]
    [InlineData(5, 0, 5, 1, "a run of none")]
    [InlineData(5, 2, 3, 0, "fewer bytes than the runs")]
    public void Runs_that_are_not_the_frame_are_refused(int pages, int zeros, int withBytes, int bodyPages, string why)
    {
        byte[] runs = new byte[8];
        PageRuns.Write(runs, zeros, hasBytes: false);
        PageRuns.Write(runs.AsSpan(4), withBytes, hasBytes: true);
        FrameHeader header = new() { Kind = MessageKind.Answer, Pages = pages, Runs = 2, Body = 8 + (bodyPages * 4096) };
        Assert.True(Throws(header, runs), why);
        Assert.False(Throws(header with { Pages = 5, Body = 8 + (3 * 4096) }, RunsOf(2, 3)));
    }

    [Fact]
    public void Two_versions_without_a_common_one_are_told_apart()
    {
        byte[] bytes = new byte[Hello.Size];
        new Hello(9, 8, 0, 1, 1, 1).Write(bytes);
        Assert.Contains("versions 8 to 9", Assert.Throws<WireException>(() => Hello.Read(bytes)).Message, StringComparison.Ordinal);
        new Hello(9, 1, 0, 1, 1, 1).Write(bytes);
        Assert.Equal(9, Hello.Read(bytes).Version);
        bytes[0] ^= 1;
        _ = Assert.Throws<WireException>(() => Hello.Read(bytes));
    }

    [Fact]
    public void A_state_of_any_bytes_is_a_guest_or_refused()
    {
        WorkloadState good = new(new WorkloadGuestOptions { Vcpus = 3, Accesses = 100 }, 64, [5, 6, 7]);
        byte[] bytes = good.ToBytes();
        Assert.Equal(good.Done, WorkloadState.Read(bytes, 64).Done);
        Assert.Equal(good.Options, WorkloadState.Read(bytes, 64).Options);
        _ = Assert.Throws<MigrationException>(() => WorkloadState.Read(bytes, 65));
        ulong state = 3;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] wrong = bytes[..(int)(SplitMix.Next(ref state) % (ulong)(bytes.Length + 1))];
            if (wrong.Length > 0) wrong[SplitMix.Next(ref state) % (ulong)wrong.Length] = (byte)SplitMix.Next(ref state);
            try
            {
                WorkloadState read = WorkloadState.Read(wrong, 64);
                Assert.InRange(read.Options.Vcpus, 1, GuestLayout.MaxVcpus);
            }
            catch (MigrationException)
            {
                // Refused.
            }
        }
    }

    private static byte[] RunsOf(int zeros, int withBytes)
    {
        byte[] runs = new byte[8];
        PageRuns.Write(runs, zeros, hasBytes: false);
        PageRuns.Write(runs.AsSpan(4), withBytes, hasBytes: true);
        return runs;
    }

    private static bool Throws(FrameHeader header, byte[] runs)
    {
        try
        {
            PageRuns.Check(header, runs);
            return false;
        }
        catch (WireException)
        {
            return true;
        }
    }
}
