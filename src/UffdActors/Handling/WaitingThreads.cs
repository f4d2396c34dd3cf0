namespace UffdActors.Handling;

/// <summary>
/// Which thread waits for which request, of those that were not the first to fault on its page. A thread waits for one at a time; a second
/// message of it about the same one is no second fault: a signal has ended its wait in the kernel, and it has faulted again.
/// </summary>
internal sealed class WaitingThreads
{
    // Threads come and go without notice. Forgetting one costs nothing but that its next repeat counts as a fault.
    private const int Most = 4096;

    private readonly Dictionary<uint, long> _requests = [];

    /// <summary>Notes that a thread waits.</summary>
    /// <param name="thread">Its id; 0 if it is not known, which is never a repeat.</param>
    /// <param name="request">What it waits for.</param>
    /// <returns>True if that is known already.</returns>
    public bool IsRepeat(uint thread, long request)
    {
        if (thread == 0) return false;
        if (_requests.TryGetValue(thread, out long known) && known == request) return true;
        if (_requests.Count >= Most) _requests.Clear();
        _requests[thread] = request;
        return false;
    }

    /// <summary>Forgets that a thread waits.</summary>
    /// <returns>False if that is not known of this request.</returns>
    public bool Leave(uint thread, long request) =>
        _requests.TryGetValue(thread, out long known) && known == request && _requests.Remove(thread);
}
