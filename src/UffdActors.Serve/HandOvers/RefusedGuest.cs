using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve;

/// <summary>
/// What becomes of a guest whose hand-over is refused. Its VMM is not notified, and its pages are not served: with
/// <see cref="FailurePolicy.Kill"/> the VMM is killed, so that its supervisor notices; else the guest sleeps at its next absent page. It
/// never reads zeros: a VMM that has no descriptor of its own is killed, because closing this one would show them.
/// </summary>
internal static class RefusedGuest
{
    private const int MostLeftOpen = 64;
    private static readonly List<ReceivedDescriptor> LeftOpen = [];

    /// <summary>Applies the policy, before the descriptor is closed.</summary>
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

        if (keepsCopy == true) return $" The guest of process {peer.Id} sleeps at its next absent page.";
        lock (LeftOpen)
        {
            // A VMM that cannot be inspected may have no other descriptor: this one is kept open until the process ends, up to a limit.
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
