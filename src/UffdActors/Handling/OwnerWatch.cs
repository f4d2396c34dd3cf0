using UffdActors.Failures;

namespace UffdActors.Handling;

/// <summary>
/// Whether the address space that a userfaultfd acts on is still there: the process that has opened it may have ended, or execute another
/// program. Then every fill gives ESRCH, no thread waits any more, and nothing can be filled ever again. Reported once. Any thread.
/// </summary>
/// <param name="owner">Whose memory it is; null for another process whose number is not known.</param>
/// <param name="looksGone">Asks the kernel; null if it cannot be asked.</param>
/// <param name="incidents">Where it is reported; null for nowhere.</param>
internal sealed class OwnerWatch(string? owner = null, Func<bool>? looksGone = null, IncidentLog? incidents = null)
{
    private string? _owner = owner;
    private Action? _told;
    private int _isGone;

    /// <summary>True once it is known to be gone; it never comes back.</summary>
    public bool IsGone => Volatile.Read(ref _isGone) != 0;

    /// <summary>What happened and what is left to do; a sentence, but for its end.</summary>
    public string Message =>
        $"{_owner ?? "the process (which one was not said: AdoptedUserfault.ProcessId)"}, whose memory it is, has ended, or executes "
            + $"another program now, and its memory is gone; give up what is absent by AbandonAsync, or dispose of the VM";

    /// <summary>What a process is called.</summary>
    public static string NameOf(int process) => $"process {process}";

    /// <summary>Names the owner, if it has no name yet.</summary>
    public void Name(int? process)
    {
        if (process is { } id) _ = Interlocked.CompareExchange(ref _owner, NameOf(id), null);
    }

    /// <summary>Called once when it is found to be gone: what stops trying then.</summary>
    public void WhenGone(Action told) => _told = told;

    /// <summary>A call has given ESRCH.</summary>
    public void Gone()
    {
        if (Interlocked.Exchange(ref _isGone, 1) != 0) return;
        incidents?.Report(
            new Incident(IncidentKind.OwnerGone, $"{char.ToUpperInvariant(Message[0])}{Message[1..]}.", Refusal("UFFDIO_COPY")));
        _told?.Invoke();
    }

    /// <summary>Asks the kernel, unless it is known: a call may be refused for it by another errno than ESRCH.</summary>
    public bool Look()
    {
        if (!IsGone && looksGone?.Invoke() == true) Gone();
        return IsGone;
    }

    /// <summary>Refuses a call if it is gone.</summary>
    /// <param name="call">Name of the call.</param>
    /// <exception cref="UffdException">ESRCH: it is.</exception>
    public void ThrowIfGone(string call)
    {
        if (Look()) throw Refusal(call);
    }

    /// <summary>What a call ends with.</summary>
    public UffdException Refusal(string call, Exception? inner = null) => new(call, Errno.ESRCH, Message + ".", inner);
}
