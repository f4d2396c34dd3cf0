using System.Net.Sockets;
using UffdActors.Abi;
using UffdActors.Linux;
using UffdActors.Linux.Peers;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve;

/// <summary>
/// Receives a hand-over: reads a VMM's first message and the descriptors that came with it, in whatever dialect it is written, checks all
/// of it, and holds the VMM by a pidfd. A message may come in any number of pieces; what a VMM says that is not understood is refused in
/// one sentence, costs no more than 64 KiB, and leaves no descriptor open.
/// </summary>
/// <example>
/// <code>
/// Socket connection = await listener.AcceptAsync(cancel);
/// using HandOver handOver = await HandOverReceiver.ReceiveAsync(connection, new HandOverOptions(), cancel);
/// foreach (HandedRegion region in handOver.Message.Regions) Console.WriteLine($"0x{region.Address:x}, {region.Bytes} bytes");
/// </code>
/// </example>
public static class HandOverReceiver
{
    private const string MemfdLink = "/memfd:";

    // A VMM hands over three descriptors at most; more are refused.
    private const int MostDescriptors = 16;

    /// <summary>Receives one.</summary>
    /// <param name="connection">A connection that a listening Unix socket has accepted. It is taken over, whatever comes of it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels; the connection is closed.</param>
    /// <exception cref="HandOverException">It is no hand-over, or none that can be served; the message says why.</exception>
    /// <exception cref="SyscallException">This process lacks descriptors.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time-out is not above zero.</exception>
    public static async Task<HandOver> ReceiveAsync(
        Socket connection, HandOverOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.TimeOut, TimeSpan.Zero, nameof(options));
        List<ReceivedDescriptor> descriptors = [];
        PeerProcess? peer = null;
        try
        {
            peer = PeerOf(connection);
            using CancellationTokenSource late = new(options.TimeOut, options.Time);
            using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
            HandOverMessage message;
            try
            {
                message = await ReadAsync(connection, descriptors, stop.Token);
            }
            catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new HandOverException(
                    FormattableString.Invariant($"The first message was not complete after {options.TimeOut.TotalSeconds:0.###} s; ")
                        + "a VMM sends it in one piece when it connects.");
            }

            return Complete(message, descriptors, peer, connection);
        }
        catch (Exception e)
        {
            string fate = peer is not null && descriptors.Count > 0 ? RefusedGuest.Settle(peer, descriptors[0], options.OnRefusal) : "";
            Close(descriptors, 0);
            peer?.Dispose();
            connection.Dispose();
            if (e is HandOverException && fate.Length > 0) throw new HandOverException(e.Message + fate, e);
            throw;
        }
    }

    private static PeerProcess PeerOf(Socket connection)
    {
        try
        {
            return PeerProcess.Of(connection);
        }
        catch (UffdException e) when (e.Error == Errno.ESRCH)
        {
            throw new HandOverException("The VMM has ended before its hand-over was read.", e);
        }
    }

    private static async Task<HandOverMessage> ReadAsync(Socket connection, List<ReceivedDescriptor> descriptors, CancellationToken stop)
    {
        FirstMessage first = new();
        while (true)
        {
            try
            {
                // Waits until bytes have come, without reading them: a plain read would lose the descriptors.
                _ = await connection.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, stop);
            }
            catch (SocketException)
            {
                // The read below gets the error, and reports it.
            }

            stop.ThrowIfCancellationRequested();
            int bytes;
            try
            {
                bytes = PeerSocket.Receive(connection, first.Room, descriptors);
            }
            catch (SyscallException e) when (e.Error is not Errno.EMFILE)
            {
                bytes = 0;
            }

            if (descriptors.Count > MostDescriptors)
                throw new HandOverException(
                    $"More than {MostDescriptors} descriptors came with the first message; a VMM sends one or two.");
            if (bytes == 0) throw Ended(first);
            if (bytes > 0 && first.Add(bytes, descriptors.Count) is { } message) return message;
        }
    }

    private static HandOverException Ended(FirstMessage first) => new(
        "The VMM has closed its connection before it "
            + (first.IsEmpty ? "said anything." : $"had sent the end of its first message ({first.Length} bytes came)."));

    // The first is the userfaultfd; a second is the file of the memory, if it is one. Others are closed.
    private static HandOver Complete(HandOverMessage message, List<ReceivedDescriptor> descriptors, PeerProcess peer, Socket connection)
    {
        if (descriptors.Count == 0)
            throw new HandOverException(
                "No descriptor came with the message: a VMM sends its userfaultfd along with the first byte (SCM_RIGHTS).");
        UffdFeatures features = FeaturesOf(descriptors[0]);
        int kept = descriptors.Count > 1 && LinkOf(descriptors[1]).StartsWith(MemfdLink, StringComparison.Ordinal) ? 2 : 1;
        Close(descriptors, kept);
        return new HandOver(message, descriptors[0], kept > 1 ? descriptors[1] : null, features, peer, connection);
    }

    /// <summary>What was asked for in the handshake of a userfaultfd; it has to be one that can be served.</summary>
    internal static UffdFeatures FeaturesOf(ReceivedDescriptor descriptor)
    {
        UffdFdInfo info;
        try
        {
            info = UffdFdInfo.Read(Environment.ProcessId, descriptor.Number);
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            throw new HandOverException($"The first descriptor is no userfaultfd but {LinkOf(descriptor)}.", e);
        }

        if (!info.IsInitialized)
            throw new HandOverException("The handshake of the userfaultfd has not been done; a VMM calls UFFDIO_API before it hands over.");
        if ((info.Features & UffdFeatures.Sigbus) != 0)
            throw new HandOverException(
                "The userfaultfd has the feature SIGBUS, with which faults are signals and nobody can serve them; open it without.");
        return info.Features;
    }

    private static string LinkOf(ReceivedDescriptor descriptor) =>
        new FileInfo(FormattableString.Invariant($"/proc/self/fd/{descriptor.Number}")).LinkTarget ?? "";

    private static void Close(List<ReceivedDescriptor> descriptors, int from)
    {
        for (int i = from; i < descriptors.Count; i++) descriptors[i].Dispose();
    }
}
