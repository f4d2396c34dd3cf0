using System.Net.Sockets;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve;

/// <summary>
/// What a VMM has handed over: its userfaultfd, the layout of its memory, and the VMM itself, held by a pidfd. Owns descriptors, pidfd and
/// connection; disposing closes them. Close the connection only when the guest is done with: some VMMs take its end for that of their page
/// server.
/// </summary>
/// <remarks>
/// Closing the last descriptor of a userfaultfd shows its guest zeros. The VMMs that are known keep one of their own
/// (<see cref="PeerProcess.HasCopyOf"/> tells), so their guests stay asleep.
/// </remarks>
public sealed class HandOver : IDisposable
{
    internal HandOver(
        HandOverMessage message, ReceivedDescriptor userfaultfd, ReceivedDescriptor? memoryFile, UffdFeatures features, PeerProcess peer,
        Socket? socket)
    {
        Message = message;
        Userfaultfd = userfaultfd;
        MemoryFile = memoryFile;
        Features = features;
        Peer = peer;
        Socket = socket;
        RegisteredAs = new UffdIoctls?[message.Regions.Count];
    }

    /// <summary>What the VMM says.</summary>
    public HandOverMessage Message { get; private set; }

    /// <summary>Its userfaultfd, whose handshake has been done.</summary>
    public ReceivedDescriptor Userfaultfd { get; }

    /// <summary>The file of its memory (memfd), where it hands that over too; null if not.</summary>
    public ReceivedDescriptor? MemoryFile { get; }

    /// <summary>Features that were asked for in the handshake.</summary>
    public UffdFeatures Features { get; }

    /// <summary>The VMM.</summary>
    public PeerProcess Peer { get; }

    /// <summary>The connection; null for a guest that was taken back without it.</summary>
    internal Socket? Socket { get; }

    /// <summary>True for a guest that an earlier process has served: its VMM was answered then.</summary>
    internal bool IsTakenBack { get; init; }

    /// <summary>True if somebody else, a service manager for one, holds the descriptors too.</summary>
    internal bool IsHeld { get; init; }

    /// <summary>Keeps its events for a successor, and has those that a predecessor has read; null for neither.</summary>
    internal EventJournal? Journal { get; set; }

    /// <summary>What the kernel has reported of each region, once it is registered here, or was by a predecessor.</summary>
    internal UffdIoctls?[] RegisteredAs { get; set; }

    /// <summary>A region has been added to the guest.</summary>
    internal void Add(HandedRegion region, UffdIoctls registeredAs)
    {
        Message = Message with { Regions = [.. Message.Regions, region] };
        RegisteredAs = [.. RegisteredAs, registeredAs];
    }

    /// <summary>Answers a VMM that waits: one byte.</summary>
    /// <exception cref="SocketException">It does not listen any more.</exception>
    internal async Task AnswerAsync(CancellationToken cancel) =>
        _ = await Socket!.SendAsync(new byte[] { 1 }, SocketFlags.None, cancel);

    /// <summary>Sends one byte to a VMM whose dialect waits for an answer: its guest is being served.</summary>
    /// <exception cref="HandOverException">The VMM does not listen any more.</exception>
    public async Task AcknowledgeAsync(CancellationToken cancellationToken = default)
    {
        if (!Message.WantsAnswer || IsTakenBack || Socket is null) return;
        try
        {
            await AnswerAsync(cancellationToken);
        }
        catch (SocketException e)
        {
            throw new HandOverException($"The VMM has closed its connection before it was answered ({e.Message}).", e);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Userfaultfd.Dispose();
        MemoryFile?.Dispose();
        Peer.Dispose();
        Socket?.Dispose();
    }
}
