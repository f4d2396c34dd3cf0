using UffdActors.Model.Memory;

namespace UffdActors.Model;

/// <summary>The machine: which kernel it runs, and its physical memory. Address spaces and files are made on a machine.</summary>
public sealed class Machine : IDisposable
{
    private readonly HashSet<string> _warnings = [];

    /// <summary>Makes a machine.</summary>
    /// <param name="profile">The kernel.</param>
    /// <param name="content">What pages are made of.</param>
    /// <param name="basePages">Base pages of physical memory.</param>
    /// <param name="hugePages">Huge pages of 2 MiB in the pool; null for what the profile says.</param>
    /// <param name="giantPages">Huge pages of 1 GiB in the pool.</param>
    public Machine(KernelProfile profile, ContentKind content, long basePages, long? hugePages = null, long giantPages = 0)
    {
        ArgumentNullException.ThrowIfNull(profile);
        Profile = profile;
        Content = content;
        BaseFolios = StoreOf(PageSize.Base, basePages);
        HugeFolios = StoreOf(PageSize.Huge, hugePages ?? profile.HugePages);
        GiantFolios = StoreOf(PageSize.Giant, giantPages);
    }

    /// <summary>The kernel.</summary>
    public KernelProfile Profile { get; }

    /// <summary>What pages are made of.</summary>
    public ContentKind Content { get; }

    /// <summary>Memory in base pages.</summary>
    public FolioStore BaseFolios { get; }

    /// <summary>The pool of huge pages.</summary>
    public FolioStore HugeFolios { get; }

    /// <summary>The pool of huge pages of 1 GiB.</summary>
    public FolioStore GiantFolios { get; }

    /// <summary>Called with each warning when it is given for the first and only time, in the turn that gives it.</summary>
    public Action<string>? Warned { get; set; }

    /// <summary>
    /// Called when a module's code has thrown, with a sentence and the exception, in the turn that called it. The call ends with EIO.
    /// </summary>
    public Action<string, Exception?>? ModuleFailed { get; set; }

    /// <summary>Sees hooks of modules that do not return; null without that.</summary>
    internal IHookWatch? Hooks { get; set; }

    /// <summary>True if an entry needs 32 bits: content with a folio number. A stamp fits 16.</summary>
    public bool WideEntries => Content != ContentKind.Stamps;

    /// <summary>Gives the physical memory back. Nothing of this machine may be used afterwards.</summary>
    public void Dispose()
    {
        BaseFolios.Dispose();
        HugeFolios.Dispose();
        GiantFolios.Dispose();
    }

    /// <summary>The memory whose folios have a size.</summary>
    internal FolioStore StoreOf(int pageShift) => pageShift switch
    {
        PageSize.BaseShift => BaseFolios,
        PageSize.GiantShift => GiantFolios,
        _ => HugeFolios,
    };

    /// <summary>WARN_ON_ONCE. Any thread.</summary>
    internal void WarnOnce(string warning)
    {
        lock (_warnings)
        {
            if (!_warnings.Add(warning)) return;
        }

        Warned?.Invoke(warning);
    }

    private FolioStore StoreOf(int folioSize, long capacity) => Content switch
    {
        ContentKind.Bytes => new ByteFolios(folioSize, capacity),
        ContentKind.Runs => new RunFolios(folioSize, capacity),
        ContentKind.Stamps => new StampFolios(folioSize),
        _ => throw new ArgumentException($"There is no content kind {Content}.", nameof(folioSize)),
    };
}
