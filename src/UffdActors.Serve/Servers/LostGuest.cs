using UffdActors.Linux;
using UffdActors.Linux.Peers;
using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Servers;

/// <summary>
/// A guest that a predecessor has served and that cannot be served on: its file has changed, or its userfaultfd is not to be had. It sleeps
/// at its next absent page, or is killed, as its policy says; it stays kept as long as its VMM lives.
/// </summary>
internal sealed class LostGuest(KeptGuest kept, string reason, FailurePolicy policy)
{
    private readonly PeerProcess? _peer = kept.TryFindPeer();

    /// <summary>Its number.</summary>
    public int Number => kept.Record.Number;

    /// <summary>Number of its VMM; 0 if it is not seen from here.</summary>
    public int ProcessId => kept.Record.Process?.Id ?? 0;

    /// <summary>What is told of it.</summary>
    public string Message => _peer is null
        ? $"The VMM of an earlier process's guest (process {ProcessId}) has ended: {Reason}"
        : $"The guest of process {ProcessId} cannot be taken back, and is {Fate}: {Reason}";

    private string Fate => policy == FailurePolicy.Kill ? "killed" : "left asleep";

    private string Reason => reason.TrimEnd('.') + ".";

    /// <summary>Does what the policy says.</summary>
    public SessionNoteKind Act()
    {
        if (_peer is null) return SessionNoteKind.Warning;
        if (policy != FailurePolicy.Kill) return SessionNoteKind.Frozen;
        try
        {
            _ = _peer.Kill();
            return SessionNoteKind.Killed;
        }
        catch (SyscallException)
        {
            return SessionNoteKind.Frozen;
        }
    }

    /// <summary>Waits until its VMM has ended; then nothing of it is kept.</summary>
    public async Task EndAsync(ProcessWatch watch, CancellationToken cancel)
    {
        try
        {
            if (_peer is not null) await watch.EndOfAsync(_peer, cancel);
            kept.Forget();
        }
        catch
        {
            kept.Dispose();
            throw;
        }
        finally
        {
            _peer?.Dispose();
        }
    }
}
