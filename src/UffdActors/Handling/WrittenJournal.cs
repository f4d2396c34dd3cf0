namespace UffdActors;

/// <summary>
/// Which pages of adopted memory have got their content through its file (<see cref="AdoptedMemory.Descriptor"/>), kept beyond the end of
/// this process. Where MINOR is registered alone, a page that faults may have been written since by the guest, and the kernel does not
/// tell: a process that serves the guest after a crash would write over it. A page is noted when its content is in the file and before it
/// is mapped, so one that is not noted has never been the guest's.
/// </summary>
/// <remarks>
/// Belongs to who has made it, and has to outlive the VM. One region of memory at a time; one process at a time. Safe for any thread.
/// </remarks>
public abstract class WrittenJournal : IDisposable
{
    private protected WrittenJournal()
    {
    }

    /// <summary>Base pages that it has room for.</summary>
    public abstract long Pages { get; }

    /// <summary>True if it is one of an earlier process: the memory is in use.</summary>
    internal abstract bool IsFound { get; }

    /// <summary>True if a page is noted.</summary>
    internal abstract bool Contains(long page);

    /// <summary>Notes a page: its content is in the file.</summary>
    internal abstract void Add(long page);

    /// <summary>The file has lost a page.</summary>
    internal abstract void Remove(long page);

    /// <inheritdoc />
    public abstract void Dispose();
}
