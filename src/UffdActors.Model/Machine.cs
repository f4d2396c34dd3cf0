using UffdActors.Model.Memory;

namespace UffdActors.Model;

/// <summary>What a page's content is made of.</summary>
public enum ContentKind
{
    /// <summary>Real bytes.</summary>
    Bytes,

    /// <summary>Runs of equal bytes: exact, and cheap for programs that fill pages with one byte.</summary>
    Runs,

    /// <summary>Phantom: one stamp for a page.</summary>
    Stamps,
}

/// <summary>The machine: which kernel it runs, and its physical memory. Address spaces and files are made on a machine.</summary>
public sealed class Machine : IDisposable
{
    /// <summary>Makes a machine.</summary>
    /// <param name="profile">The kernel.</param>
    /// <param name="content">What pages are made of.</param>
    /// <param name="basePages">Base pages of physical memory.</param>
    /// <param name="hugePages">Huge pages of 2 MiB in the pool.</param>
    public Machine(KernelProfile profile, ContentKind content, long basePages, long hugePages = 0)
    {
        ArgumentNullException.ThrowIfNull(profile);
        Profile = profile;
        Content = content;
        (BaseFolios, HugeFolios) = content switch
        {
            ContentKind.Bytes => ((FolioStore)new ByteFolios(PageSize.Base, basePages), (FolioStore)new ByteFolios(PageSize.Huge, hugePages)),
            ContentKind.Runs => (new RunFolios(PageSize.Base, basePages), new RunFolios(PageSize.Huge, hugePages)),
            ContentKind.Stamps => (new StampFolios(PageSize.Base), new StampFolios(PageSize.Huge)),
            _ => throw new ArgumentOutOfRangeException(nameof(content)),
        };
    }

    /// <summary>The kernel.</summary>
    public KernelProfile Profile { get; }

    /// <summary>What pages are made of.</summary>
    public ContentKind Content { get; }

    /// <summary>Memory in base pages.</summary>
    public FolioStore BaseFolios { get; }

    /// <summary>The pool of huge pages.</summary>
    public FolioStore HugeFolios { get; }

    /// <summary>True if an entry needs 32 bits: content with a folio number. A stamp fits 16.</summary>
    public bool WideEntries => Content != ContentKind.Stamps;

    /// <summary>Gives the physical memory back. Nothing of this machine may be used afterwards.</summary>
    public void Dispose()
    {
        BaseFolios.Dispose();
        HugeFolios.Dispose();
    }
}
