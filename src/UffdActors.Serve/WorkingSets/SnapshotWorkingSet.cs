namespace UffdActors.Serve;

/// <summary>
/// The pages that guests of a snapshot need first: recorded while the first of them begins to run, and fetched ahead for those that follow.
/// One object for all sessions of a snapshot.
/// </summary>
/// <remarks>
/// The file is that of <see cref="UffdActors.WorkingSet"/>, in pages of the memory file. Any thread.
/// </remarks>
public sealed class SnapshotWorkingSet
{
    private readonly string? _recordPath;
    private readonly Lock _gate = new();
    private WorkingSet? _set;
    private bool _isToBeRecorded;

    /// <summary>Reads what was recorded.</summary>
    /// <param name="path">The file of a set; null for none. If it is not there, and is the one that is recorded to, it is recorded.</param>
    /// <param name="recordPath">
    /// The file to which the first session's is written; null for none. If it is <paramref name="path"/>, only if that was not there.
    /// </param>
    /// <exception cref="Model.Inputs.InputFileException">The file cannot be read, or is no working set.</exception>
    public SnapshotWorkingSet(string? path, string? recordPath)
    {
        _recordPath = recordPath;
        bool isSame = path is not null && recordPath is not null && Path.GetFullPath(path) == Path.GetFullPath(recordPath);
        if (path is not null && (!isSame || File.Exists(path))) _set = WorkingSet.Read(path);
        _isToBeRecorded = recordPath is not null && (!isSame || _set is null);
    }

    /// <summary>The pages, of the memory file; null as long as none are known.</summary>
    public WorkingSet? Set
    {
        get
        {
            lock (_gate) return _set;
        }
    }

    /// <summary>From its hand-over on, how long a session is recorded, or until it ends; above zero.</summary>
    public TimeSpan RecordFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes a second that are fetched ahead for each session; 0 for as fast as it goes. What guests ask for is not held back.
    /// </summary>
    public long BytesPerSecond { get; init; }

    /// <summary>The clock of <see cref="RecordFor"/>.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>A session begins. The one that records fetches nothing ahead, so that it misses nothing.</summary>
    /// <returns>Whether it records, and the set that is fetched ahead for it.</returns>
    internal (bool Records, WorkingSet? Set) Begin()
    {
        lock (_gate)
        {
            bool records = _isToBeRecorded;
            _isToBeRecorded = false;
            return (records, records ? null : _set);
        }
    }

    /// <summary>The recording session has ended its recording, complete or not.</summary>
    /// <exception cref="IOException">The file cannot be written; sessions to come have it all the same.</exception>
    /// <exception cref="UnauthorizedAccessException">Nor may it be.</exception>
    internal void Recorded(WorkingSet? set)
    {
        lock (_gate)
        {
            // The next one is to try.
            if (set is null) _isToBeRecorded = true;
            else _set ??= set;
        }

        set?.Save(_recordPath!);
    }
}
