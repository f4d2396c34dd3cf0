using System.Net.Sockets;
using UffdActors.Linux.Native;
using UffdActors.Linux.Peers;
using UffdActors.Linux.Tests.Live;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Peers;

/// <summary>Descriptors that come over a socket, and the process at its other end.</summary>
public sealed class PeerTests
{
    [Fact]
    public void A_read_ends_behind_bytes_that_carry_descriptors_and_takes_these()
    {
        (Socket here, Socket there) = Pair();
        using Socket one = here;
        using Socket other = there;
        (int read, int write) = RawCalls.MakePipe();
        using FileHandle first = new(read);
        using FileHandle second = new(write);
        SendDescriptors.Send(there, "ab"u8, read, write);
        SendDescriptors.Send(there, "c"u8);
        SendDescriptors.Send(there, "d"u8, read);
        List<ReceivedDescriptor> descriptors = [];
        byte[] room = new byte[16];

        Assert.Equal(2, PeerSocket.Receive(here, room, descriptors));
        Assert.Equal(2, descriptors.Count);
        Assert.All(descriptors, d => Assert.NotEqual(0, FlagsOf(d.Number) & 0x80000));
        Assert.Equal(2, PeerSocket.Receive(here, room, descriptors));
        Assert.Equal(3, descriptors.Count);
        Assert.Equal(-1, PeerSocket.Receive(here, room, descriptors));
        there.Dispose();
        Assert.Equal(0, PeerSocket.Receive(here, room, descriptors));

        int taken = descriptors[0].Take();
        Assert.Throws<ObjectDisposedException>(() => descriptors[0].Take());
        foreach (ReceivedDescriptor descriptor in descriptors) descriptor.Dispose();
        // What was taken is open still, and the others are not.
        Assert.True(Directory.Exists("/proc/self/fdinfo") && File.Exists($"/proc/self/fdinfo/{taken}"));
        _ = RawCalls.Close(taken);
    }

    [Fact]
    public void The_peer_of_a_socket_of_this_process_is_this_process()
    {
        (Socket here, Socket there) = Pair();
        using Socket one = here;
        using Socket other = there;
        using PeerProcess peer = PeerProcess.Of(here);
        Assert.Equal(Environment.ProcessId, peer.Id);
        Assert.False(peer.HasEnded);
        // A policy that kills a guest's process does not end the one that applies it.
        Assert.Equal(Errno.EPERM, Assert.Throws<SyscallException>(() => peer.Kill()).Error);
    }

    [SkippableFact]
    public void Whether_a_process_has_a_copy_of_a_userfaultfd_is_told_by_the_open_file()
    {
        ThisKernel.Require();
        (Socket here, Socket there) = Pair();
        using Socket one = here;
        using Socket other = there;
        using PeerProcess peer = PeerProcess.Of(here);
        using UffdDescriptor its = UffdDescriptor.Open();
        Assert.True(peer.HasCopyOf(its.Handle.Number));
        // Not of a file that it has not opened, however many userfaultfds it has.
        (int read, int write) = RawCalls.MakePipe();
        Assert.False(peer.HasCopyOf(read));
        _ = RawCalls.Close(read);
        _ = RawCalls.Close(write);
    }

    [SkippableFact]
    public async Task Ends_of_processes_are_told_when_they_come_and_a_wait_can_be_given_up()
    {
        ThisKernel.Require();
        using ProcessWatch watch = new();
        (OwnerProcess owner, PeerProcess peer) = await ConnectedAsync();
        (OwnerProcess second, PeerProcess secondPeer) = await ConnectedAsync();
        await using OwnerProcess its = owner;
        await using OwnerProcess seconds = second;
        using PeerProcess one = peer;
        using PeerProcess other = secondPeer;
        using CancellationTokenSource stop = new();
        Task end = watch.EndOfAsync(peer);
        Task givenUp = watch.EndOfAsync(secondPeer, stop.Token);
        Task secondEnd = watch.EndOfAsync(secondPeer);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp.WaitAsync(LiveScene.Deadline));
        Assert.False(end.IsCompleted || secondEnd.IsCompleted);

        Assert.True(peer.Kill());
        await end.WaitAsync(LiveScene.Deadline);
        Assert.True(peer.HasEnded);
        Assert.False(secondEnd.IsCompleted || secondPeer.HasEnded);
        watch.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => secondEnd.WaitAsync(LiveScene.Deadline));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => watch.EndOfAsync(secondPeer));
        await owner.KillAsync();
        Assert.False(peer.Kill());
    }

    // A process that has no socket is held by its number, as where the kernel knows no SO_PEERPIDFD.
    private static async Task<(OwnerProcess Owner, PeerProcess Peer)> ConnectedAsync()
    {
        OwnerProcess owner = await OwnerProcess.StartAsync("anon", 1, RegisterModes.Missing, UffdFeatures.None);
        return (owner, PeerProcess.ByNumber(owner.Id, 0));
    }

    private static int FlagsOf(int descriptor) => Convert.ToInt32(
        File.ReadLines($"/proc/self/fdinfo/{descriptor}").First(l => l.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8);

    private static (Socket Here, Socket There) Pair()
    {
        string path = Path.Combine(Path.GetTempPath(), $"uffd-peer-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        Socket there = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        there.Connect(new UnixDomainSocketEndPoint(path));
        return (listener.Accept(), there);
    }
}
