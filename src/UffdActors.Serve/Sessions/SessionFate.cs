using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve.Sessions;

/// <summary>What becomes of a guest: which incident its session cannot outlive, and what its policy does then. Any thread.</summary>
/// <param name="peer">The VMM.</param>
/// <param name="watch">Tells when it ends.</param>
/// <param name="policy">The policy.</param>
internal sealed class SessionFate(PeerProcess peer, ProcessWatch watch, FailurePolicy policy)
{
    private readonly TaskCompletionSource _memoryGone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isFrozen;
    private volatile bool _hasKilled;
    private volatile bool _isLeft;
    private volatile bool _isHeld;

    /// <summary>True if the session cannot go on, and its guest is left asleep.</summary>
    public bool IsFrozen => _isFrozen;

    /// <summary>True if the VMM was killed from here.</summary>
    public bool HasKilled => _hasKilled;

    /// <summary>True once the guest has all its pages, and is not registered any more.</summary>
    public bool IsReleased { get; set; }

    /// <summary>
    /// Whether the VMM has a descriptor of the userfaultfd of its own: without one, absent pages become zeros when this process's is
    /// closed. Null if that is not known.
    /// </summary>
    public bool? KeepsCopy { get; set; }

    /// <summary>Ends when the VMM's memory is gone.</summary>
    public Task MemoryGone => _memoryGone.Task;

    /// <summary>True if no thread of the guest runs any more.</summary>
    public bool IsVmmGone => _memoryGone.Task.IsCompleted || peer.HasEnded;

    /// <summary>Acts on an incident. On the thread that reports, the fault loop's among them: nothing waits here.</summary>
    public void Take(Incident incident)
    {
        if (incident.Kind == IncidentKind.OwnerGone) _ = _memoryGone.TrySetResult();
        else if (policy == FailurePolicy.Kill && IsFatal(incident.Kind)) _ = TryKill();
    }

    /// <summary>The sentence that the observer is told; null for none.</summary>
    public SessionNote? NoteOf(Incident incident)
    {
        switch (incident.Kind)
        {
            case IncidentKind.OwnerGone or IncidentKind.DescriptorLeftOpen or IncidentKind.GuestNotStopped:
                // The event of the session's end reports it.
                return null;
            case var kind when IsFatal(kind):
                if (_hasKilled) return new SessionNote(SessionNoteKind.Killed, $"The VMM has been killed: {incident.Message}");
                if (_isFrozen) return new SessionNote(SessionNoteKind.Warning, incident.Message);
                _isFrozen = true;
                return new SessionNote(SessionNoteKind.Frozen, $"The guest is frozen, and not given zeros: {incident.Message}");
            case IncidentKind.OutageEnded when _isFrozen:
                _isFrozen = false;
                return new SessionNote(SessionNoteKind.GoesOn, incident.Message);
            default:
                return new SessionNote(SessionNoteKind.Warning, incident.Message);
        }
    }

    /// <summary>The session ends so that a successor goes on with it.</summary>
    /// <param name="isHeld">Somebody else holds the userfaultfd too.</param>
    public void Leave(bool isHeld) => (_isLeft, _isHeld) = (true, isHeld);

    /// <summary>Called when the session is ended, before this process's descriptor of the userfaultfd is closed.</summary>
    /// <exception cref="InvalidOperationException">Closing it might show the guest zeros: it has to stay open.</exception>
    public async Task StopGuestAsync(CancellationToken cancel)
    {
        // A released guest runs on, whatever the policy: no page of it is absent.
        if (IsVmmGone || IsReleased || (_isLeft && _isHeld)) return;
        if (((policy == FailurePolicy.Kill && !_isLeft) || KeepsCopy == false) && TryKill())
        {
            // A thread may run until then, and touch the next page.
            await watch.EndOfAsync(peer, cancel);
            return;
        }

        // The VMM's own descriptor keeps the userfaultfd alive, and its guest asleep.
        if (KeepsCopy != true) throw new InvalidOperationException("The guest may run on, and is left asleep.");
    }

    /// <summary>Kills the VMM.</summary>
    /// <returns>False if this process may not.</returns>
    public bool TryKill()
    {
        try
        {
            if (peer.Kill()) _hasKilled = true;
            return true;
        }
        catch (Exception e) when (e is SyscallException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static bool IsFatal(IncidentKind kind) => kind is IncidentKind.PageLost or IncidentKind.PatienceOver
        or IncidentKind.FillRefused or IncidentKind.VmFailed or IncidentKind.UnknownAddress;
}
