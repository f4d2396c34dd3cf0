using UffdActors.Serve.Keeping;

namespace UffdActors.Serve;

/// <summary>How a guest is served.</summary>
public sealed record SessionOptions
{
    /// <summary>
    /// Path of its memory file: what the regions of the hand-over are offsets into. Opened anew for each session; it must not be written to
    /// while a guest is served from it.
    /// </summary>
    public required string MemoryPath { get; init; }

    /// <summary>
    /// Paths of diffs that lie over it, each over those before it: sparse files of the same size, as Firecracker writes a snapshot of type
    /// <c>Diff</c>. What is stored in one overrides what is below, a page of 4096 bytes at a time; its holes say nothing. Opened anew for
    /// each session, and not to be written to either.
    /// </summary>
    public IReadOnlyList<string> Diffs { get; init; } = [];

    /// <summary>Pages that this session has instead of those of the files; no page twice.</summary>
    public IReadOnlyList<OverlayPages> Overlay { get; init; } = [];

    /// <summary>
    /// Where content stays that was read for one session and is wanted by others; null for nowhere but the kernel's page cache. Stays the
    /// caller's.
    /// </summary>
    public ContentCache? Cache { get; init; }

    /// <summary>
    /// A slow source that the content is fetched from instead of files, by way of <see cref="Cache"/>, which has to be there then;
    /// <see cref="MemoryPath"/> is no file then, but the snapshot's key in the cache, and its name in messages. It is asked for pages of
    /// region 0, as they lie in the memory file, for some 64 pages at once. One that answers at once
    /// (<see cref="IPageSource.AnswersAtOnce"/>: it decompresses, say) is asked by as many threads at a time as this process has CPUs,
    /// another one by one. Stays the caller's.
    /// </summary>
    public IPageSource? BackEnd { get; init; }

    /// <summary>
    /// The pages that a guest of this snapshot needs first, recorded or fetched ahead; null for neither. Stays the caller's.
    /// </summary>
    public SnapshotWorkingSet? WorkingSet { get; init; }

    /// <summary>
    /// Faults of the guest that are worked on at a time, by page, from 1 on: what it raises beyond that waits in the kernel, is not lost,
    /// and costs this process nothing.
    /// </summary>
    public int MaxFaults { get; init; } = DefaultMaxFaults;

    /// <summary>What <see cref="MaxFaults"/> is if nothing is said.</summary>
    internal const int DefaultMaxFaults = 1024;

    /// <summary>Keeps the guest for a successor; null for none.</summary>
    internal KeptGuest? Keep { get; init; }

    /// <summary>For tests: called before each read of a file, on the thread that waits for disks, with the page of the file.</summary>
    internal Action<long>? HoldBack { get; init; }

    /// <summary>What becomes of the guest when the session cannot go on.</summary>
    public FailurePolicy OnFailure { get; init; }

    /// <summary>
    /// Told of what happens to the session, one sentence each, by one thread at a time; null for none. Never by the thread that serves
    /// faults.
    /// </summary>
    public Action<SessionNote>? Observer { get; init; }
}
