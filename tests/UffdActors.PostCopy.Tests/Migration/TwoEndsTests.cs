using System.Net.Sockets;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>A guest moves between two ends that know of each other by sockets alone.</summary>
public sealed class TwoEndsTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(2, true)]
    public async Task A_guest_goes_on_at_the_destination_and_both_sides_agree_on_every_byte(int channels, bool copiesFirst)
    {
        using TwoEnds ends = new();
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) =
            await ends.MoveAsync(channels: channels, preCopy: copiesFirst ? new PreCopyOptions { Rounds = 2 } : null);
        Assert.Null(error);
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.Equal(destination.Hash, source.ExpectedHash);
        Assert.Equal(destination.Hash, source.ActualHash);
        Assert.True(source.IsDelivered);
        Assert.False(source.KeepsGuest);
        Assert.Equal(1, source.HandOvers);
        Assert.Equal(copiesFirst ? 2 : 0, source.Rounds);
        if (copiesFirst) Assert.True(destination.CopiedPages >= 512);
        Assert.True(source.Pages + source.ZeroPages + destination.CopiedPages >= 512);
    }

    [Theory]
    [InlineData(PostCopyMode.Missing)]
    [InlineData(PostCopyMode.Minor)]
    public async Task Zeros_stay_holes_of_a_page_cache_and_every_page_is_accounted_for(PostCopyMode mode)
    {
        using TwoEnds ends = new();
        long absent = 0;
        long zero = 0;
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) = await ends.MoveAsync(
            backend: "shmem", mode: mode, accesses: 40,
            after: (moved, _) =>
            {
                UffdVm vm = moved.Vm!;
                GuestReader reader = vm.NewReader();
                byte[] bytes = new byte[4096];
                for (long page = 0; page < 512; page++)
                {
                    bool isThere = reader.TryRead(vm.Regions[0], page, bytes);
                    bool isZero = moved.Userfault!.NotedStateOf(vm.Regions[0], page) == PageState.Zero;
                    if (isZero) zero++;
                    if (isThere) continue;
                    absent++;
                    Assert.True(isZero, $"Page {page} is absent.");
                }

                Assert.Equal(512, moved.ReceivedPages);
                return Task.CompletedTask;
            });
        Assert.Null(error);
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.Equal(destination.Hash, source.ActualHash);
        // An eighth of the image is zeros and more, and the guest writes to a few pages only.
        Assert.InRange(absent, 40, zero);
        Assert.True(source.Pages + source.ZeroPages >= 512);
    }

    [Theory]
    [InlineData(70)]
    [InlineData(200_003)]
    [InlineData(400_001)]
    public async Task A_link_that_is_cut_again_and_again_loses_nothing(long cutAfter)
    {
        using TwoEnds ends = new();
        using CuttingProxy proxy = new(ends.Proxy, ends.Destination, cutAfter, cuts: 4);
        // The source waits for a destination that is not there yet.
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) =
            await ends.MoveAsync(throughProxy: true, channels: 2);
        Assert.Null(error);
        Assert.Equal(0, proxy.CutsLeft);
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.Equal(destination.Hash, source.ExpectedHash);
    }

    [Fact]
    public async Task What_was_copied_over_a_link_that_is_lost_is_copied_again()
    {
        using TwoEnds ends = new();
        using CuttingProxy proxy = new(ends.Proxy, ends.Destination, cutAfter: 900_001, cuts: 2);
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) =
            await ends.MoveAsync(throughProxy: true, channels: 2, preCopy: new PreCopyOptions { Rounds = 2 });
        Assert.Null(error);
        Assert.Equal(0, proxy.CutsLeft);
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.True(source.Rounds > 2);
    }

    [Fact]
    public async Task A_lane_that_is_refused_because_its_link_is_lost_is_no_refusal_of_the_guest()
    {
        using TwoEnds ends = new();
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(ends.Proxy));
        listener.Listen();
        Task<CuttingProxy> refusing = Task.Run(async () =>
        {
            // As a destination that has just lost the urgent lane.
            (Lane urgent, _, _) = Handshake.Accept(await listener.AcceptAsync(), null);
            Handshake.Welcome(urgent, 0, 1);
            (Lane background, _, _) = Handshake.Accept(await listener.AcceptAsync(), null);
            Handshake.Reject(background, "the lane belongs to no link that is there");
            urgent.Dispose();
            listener.Dispose();
            File.Delete(ends.Proxy);
            return new CuttingProxy(ends.Proxy, ends.Destination, long.MaxValue, 0);
        });

        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) = await ends.MoveAsync(throughProxy: true);

        using CuttingProxy proxy = await refusing;
        Assert.Null(error);
        Assert.True(destination.IsVerified, destination.Ending);
        Assert.False(source.KeepsGuest);
    }

    [Fact]
    public async Task Sides_that_do_not_agree_are_not_verified()
    {
        using TwoEnds ends = new();
        (MigrationSourceReport source, MigrationDestinationReport destination, _) =
            await ends.MoveAsync(around: guest => new LyingGuest(guest));
        Assert.True(destination.IsDelivered);
        Assert.False(destination.IsVerified);
        Assert.NotEqual(source.ExpectedHash, source.ActualHash);
    }

    [Fact]
    public async Task A_guest_that_nobody_compares_runs_on_behind_its_migration()
    {
        using TwoEnds ends = new();
        UffdVm? vm = null;
        (MigrationSourceReport source, MigrationDestinationReport destination, string? error) = await ends.MoveAsync(
            verifies: false, after: async (destination, guest) =>
            {
                vm = destination.Vm;
                ReadOnlyMemory<byte> end = await guest.EndAsync(CancellationToken.None);
                Assert.Equal(guest.AllAccesses, guest.Accesses);
                // Its memory is to be had, and is whole.
                byte[] page = new byte[4096];
                GuestReader reader = vm!.NewReader();
                for (long i = 0; i < vm.Regions[0].Pages; i++) Assert.True(reader.TryRead(vm.Regions[0], i, page));
                Assert.False(end.IsEmpty);
            });
        Assert.Null(error);
        Assert.True(source.IsDelivered && destination.IsDelivered);
        // It was disposed with its destination.
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => vm!.MapAsync(new RegionOptions { Pages = 1 }));
    }

    [Fact]
    public async Task A_background_that_is_paused_before_the_guest_runs_brings_no_page_until_it_is_resumed()
    {
        using TwoEnds ends = new();
        TaskCompletionSource runs = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (_, MigrationDestinationReport destination, string? error) = await ends.MoveAsync(
            tell: what =>
            {
                if (what == "destination: the guest runs here") runs.SetResult();
            },
            during: async (destination, guest) =>
            {
                destination.Pause();
                await runs.Task;
                _ = await guest.EndAsync(CancellationToken.None);
                Assert.Equal(0, destination.Pushes.Sum(push => push.Pages + push.ZeroPages));
                destination.Resume();
            });
        Assert.Null(error);
        Assert.True(destination.IsVerified, destination.Ending);
    }

    [Fact]
    public async Task The_rate_of_the_copies_can_be_changed()
    {
        using TwoEnds ends = new();
        // At a byte a second it would take days.
        (MigrationSourceReport source, MigrationDestinationReport destination, _) = await ends.MoveAsync(
            preCopy: new PreCopyOptions { Rounds = 1, BytesPerSecond = 1 },
            setSource: source =>
            {
                Assert.Equal(1, source.BytesPerSecond);
                Assert.Throws<ArgumentOutOfRangeException>(() => source.BytesPerSecond = -1);
                source.BytesPerSecond = 0;
            });
        Assert.Equal(1, source.Rounds);
        Assert.True(destination.IsVerified, destination.Ending);
    }

    [Fact]
    public async Task A_destination_tells_the_port_that_the_system_has_chosen()
    {
        using TwoEnds ends = new();
        (_, MigrationDestinationReport destination, _) = await ends.MoveAsync(listen: "tcp:127.0.0.1:0");
        Assert.True(destination.IsVerified, destination.Ending);
    }

    [Fact]
    public async Task A_guest_that_cannot_be_loaded_stays()
    {
        using TwoEnds ends = new();
        (MigrationSourceReport source, MigrationDestinationReport destination, _) = await ends.MoveAsync(instead: new UnloadableGuest());
        Assert.True(source.KeepsGuest);
        Assert.Contains("no such device", source.Ending, StringComparison.Ordinal);
        Assert.False(destination.HasGuest);
        Assert.Equal("this machine has no such device", destination.Ending);
    }

    [Fact]
    public async Task A_guest_that_is_larger_than_the_machine_is_refused_before_anything_is_made()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        MigrationDestinationOptions options = new() { Address = MigrationAddress.Parse("unix:none") };
        MigrationException refused = await Assert.ThrowsAsync<MigrationException>(() => PostCopy.Migration.DestinationMemory.MakeAsync(
            runtime, options, new Offer(true, [WireLimits.PagesARegion, WireLimits.PagesARegion]), new WorkloadGuest(), default));
        Assert.Contains("does not fit into this machine", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Under_TLS_both_sides_trust_one_authority()
    {
        using TwoEnds ends = new();
        using Certificates certificates = new();
        using MigrationTls one = certificates.Side();
        using MigrationTls other = certificates.Side();
        (_, MigrationDestinationReport destination, _) = await ends.MoveAsync(channels: 2, sourceTls: one, destinationTls: other);
        Assert.True(destination.IsVerified, destination.Ending);
    }

    [Fact]
    public async Task Under_TLS_a_destination_of_another_authority_gets_nothing()
    {
        using TwoEnds ends = new();
        using Certificates certificates = new();
        using Certificates others = new();
        using MigrationTls trusting = certificates.Side();
        using MigrationTls strange = others.Side(certificates.Authority);
        MigrationException refused = await Assert.ThrowsAsync<MigrationException>(
            () => ends.MoveAsync(sourceTls: trusting, destinationTls: strange));
        Assert.Contains("TLS", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_destination_the_guest_stays()
    {
        using TwoEnds ends = new();
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        _ = await vm.MapAsync(new RegionOptions { Pages = 16 });
        MigrationSource source = new(vm, null, new WorkloadGuest(new WorkloadGuestOptions()), new MigrationSourceOptions
        {
            Address = MigrationAddress.Parse($"unix:{ends.Destination}"),
            ConnectTimeout = TimeSpan.FromMilliseconds(1),
        });
        MigrationException refused = await Assert.ThrowsAsync<MigrationException>(() => source.RunAsync());
        Assert.Contains("no receiver accepted a connection", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp:", "the host is missing")]
    [InlineData("tcp:127.0.0.1", "the host is missing")]
    [InlineData("tcp:127.0.0.1:x", "is no port")]
    [InlineData("tcp:127.0.0.1:70000", "is no port")]
    [InlineData("unix:", "the path is missing")]
    [InlineData("/tmp/x", "write tcp:HOST:PORT or unix:PATH")]
    public void An_address_that_is_none_says_what_is_wrong(string text, string why) =>
        Assert.Contains(why, Assert.Throws<FormatException>(() => MigrationAddress.Parse(text)).Message, StringComparison.Ordinal);
}
