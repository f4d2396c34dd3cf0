using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve;

/// <summary>
/// What becomes of a guest whose hand-over is refused. Its VMM does not hear of it, and nobody will serve its pages: with
/// <see cref="FailurePolicy.Kill"/> the VMM is killed, so that its supervisor hears; else it sleeps when it touches what is absent. Zeros
/// never: a VMM that has no descriptor of its own is killed, for closing this one would show them.
/// </summary>
internal static class RefusedGuest
{
    private const int MostLeftOpen = 64;
    private static readonly List<ReceivedDescriptor> LeftOpen = [];

    /// <summary>Settles it, before the descriptor is closed.</summary>
    /// <param name="peer">The VMM.</param>
    /// <param name="userfaultfd">Its userfaultfd, which stays the caller's; if it is none, there is no guest.</param>
    /// <param name="policy">The policy.</param>
    /// <returns>What has become of it, a sentence with a space before it; empty if the caller need not know.</returns>
    public static string Settle(PeerProcess peer, ReceivedDescriptor userfaultfd, FailurePolicy policy)
    {
        if (userfaultfd.IsClosed || peer.HasEnded || !userfaultfd.IsUserfaultfd) return "";
        bool? keepsCopy = peer.HasCopyOf(userfaultfd.Number);
        if (policy == FailurePolicy.Kill || keepsCopy == false)
        {
            if (TryKill(peer))
                return keepsCopy == false
                    ? $" Process {peer.Id} is killed: it holds no descriptor of its own, and its guest would read zeros."
                    : $" Process {peer.Id} is killed.";
        }

        if (keepsCopy == true) return $" The guest of process {peer.Id} sleeps when it touches what is absent.";
        lock (LeftOpen)
        {
            // What cannot be looked into may be the last holder's: open until this process ends, as many as can be afforded.
            if (LeftOpen.Count == MostLeftOpen) return "";
            LeftOpen.Add(userfaultfd.Copy());
        }

        return $" Whether process {peer.Id} holds its userfaultfd is not known, so it stays open here, and the guest asleep.";
    }

    private static bool TryKill(PeerProcess peer)
    {
        try
        {
            _ = peer.Kill();
            return true;
        }
        catch (SyscallException)
        {
            return false;
        }
    }
}
