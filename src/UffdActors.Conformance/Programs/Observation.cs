namespace UffdActors.Conformance.Programs;

/// <summary>
/// What a step showed. Null means that the field is absent: it does not belong to the operation, or nothing has changed since it was
/// last shown.
/// </summary>
internal sealed class Observation
{
    /// <summary>What the call returned; -1 with <see cref="Error"/>.</summary>
    public long? Return { get; set; }

    /// <summary>Name of the errno.</summary>
    public string? Error { get; set; }

    /// <summary>Out field: a number, a mask as hex, "untouched"; the words of a handshake separated by blanks.</summary>
    public string? Out { get; set; }

    /// <summary>Number of the new handle.</summary>
    public int? As { get; set; }

    /// <summary>Result of a poll.</summary>
    public int? Revents { get; set; }

    /// <summary>Result of an access, or "blocked".</summary>
    public string? Result { get; set; }

    /// <summary>What a blocked thread waits for: fault, event or read.</summary>
    public string? Wait { get; set; }

    /// <summary>Messages that a read returned, each as its JSON text.</summary>
    public IReadOnlyList<string>? Messages { get; set; }

    /// <summary>Threads that finished because of the step, with their results.</summary>
    public IReadOnlyList<FinishedThread>? Finished { get; set; }

    /// <summary>Handle, unread faults, sleeping faults of each open handle.</summary>
    public IReadOnlyList<(int Handle, int Pending, int Total)> Queues { get; set; } = [];

    /// <summary>VMA list of the main process, one line each; null if it has not changed.</summary>
    public string? Vmas { get; set; }

    /// <summary>VMA lists of children whose list has changed.</summary>
    public IReadOnlyList<(int Thread, string Vmas)>? ChildVmas { get; set; }

    /// <summary>All files if something about them has changed.</summary>
    public IReadOnlyList<FileState>? Files { get; set; }

    /// <summary>At the end: the content of every file.</summary>
    public IReadOnlyList<FileContent>? FinalFiles { get; set; }

    /// <summary>At the end: address and content of every page.</summary>
    public IReadOnlyList<(ulong Address, string Content)>? FinalPages { get; set; }
}
