using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Cells;

/// <summary>A kind of memory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsShared">MAP_SHARED.</param>
/// <param name="NewModule">Makes its module; null for anonymous memory.</param>
/// <param name="Flags">Flags of creation of a guest_memfd.</param>
internal sealed record CellMemory(string Name, bool IsShared, Func<MemoryModule>? NewModule, GuestMemfdFlags Flags = GuestMemfdFlags.Shared)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CellMemory> All { get; } =
    [
        new("anon", false, null),
        new("shmem", true, () => new Shmem()),
        new("shmem-private", false, () => new Shmem()),
        new("hugetlb", true, () => new Hugetlb()),
        new("hugetlb-private", false, () => new Hugetlb()),
        new("hugetlb-1g", true, () => new Hugetlb(PageSize.GiantShift)),
        new("guest-memfd", true, () => new GuestMemfd()),
        new("guest-memfd-unshared", true, () => new GuestMemfd(), GuestMemfdFlags.Mmap),
        new("file", true, () => new PlainFile()),
        new("file-private", false, () => new PlainFile()),
    ];

    /// <summary>True for memory with a page cache.</summary>
    public bool HasCache => NewModule is not null;

    /// <summary>log2 of the page size.</summary>
    public int PageShift => NewModule?.Invoke().PageShift ?? PageSize.BaseShift;

    /// <summary>The memory of a name, or null.</summary>
    public static CellMemory? Find(string name) => All.FirstOrDefault(m => m.Name == name);

    internal MemoryFile? NewFile(Machine machine, long bytes) => NewModule?.Invoke() switch
    {
        null => null,
        GuestMemfd guest => guest.CreateFile(machine, bytes, Flags),
        MemoryModule module => module.CreateFile(machine, bytes),
    };
}

/// <summary>How a page of the file comes to be, before it is registered.</summary>
internal enum CellBase
{
    /// <summary>Nothing.</summary>
    Hole,

    /// <summary>In the cache, not mapped.</summary>
    Cached,

    /// <summary>Read once: the zero page, of anonymous memory.</summary>
    ZeroPage,

    /// <summary>Written once.</summary>
    Written,

    /// <summary>The file has been cut before it.</summary>
    BeyondEnd,
}

/// <summary>A state of a page: how it came to be, and what userfaultfd has done to it since.</summary>
/// <param name="Name">Its name, as in the recorded matrices.</param>
/// <param name="Base">How it came to be.</param>
/// <param name="Protected">Write-protected afterwards.</param>
/// <param name="Poisoned">Poisoned afterwards.</param>
/// <param name="Swapped">Swapped out afterwards (MADV_PAGEOUT); the kernel has a swap device then.</param>
internal sealed record CellState(string Name, CellBase Base, bool Protected = false, bool Poisoned = false, bool Swapped = false)
{
    /// <summary>All of them that a kernel without swap has: what kernels are compared in.</summary>
    public static IReadOnlyList<CellState> All { get; } =
    [
        new("none", CellBase.Hole),
        new("zeropage", CellBase.ZeroPage),
        new("present", CellBase.Written),
        new("cache-unmapped", CellBase.Cached),
        new("none+wp", CellBase.Hole, Protected: true),
        new("zeropage+wp", CellBase.ZeroPage, Protected: true),
        new("present+wp", CellBase.Written, Protected: true),
        new("cache+wp", CellBase.Cached, Protected: true),
        new("poisoned", CellBase.Hole, Poisoned: true),
        new("cache+poisoned", CellBase.Cached, Poisoned: true),
        new("beyond-eof", CellBase.BeyondEnd),
        new("beyond-eof+wp", CellBase.BeyondEnd, Protected: true),
    ];

    /// <summary>All that can be asked about.</summary>
    public static IReadOnlyList<CellState> Askable { get; } =
    [
        .. All,
        new("swapped", CellBase.Written, Swapped: true),
        new("swapped+wp", CellBase.Written, Protected: true, Swapped: true),
    ];

    /// <summary>Other names by which people know a state.</summary>
    public static IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["hole"] = "none",
        ["wp-marker"] = "none+wp",
        ["cache"] = "cache-unmapped",
        ["zero"] = "zeropage",
        ["zero+wp"] = "zeropage+wp",
        ["wp"] = "present+wp",
        ["poison"] = "poisoned",
    };

    /// <summary>The state of a name, or null.</summary>
    public static CellState? Find(string name) => Askable.FirstOrDefault(s => s.Name == OtherNames.GetValueOrDefault(name, name));

    /// <summary>True if memory of this kind has such a state.</summary>
    public bool IsOf(CellMemory memory) => Base switch
    {
        CellBase.ZeroPage => !memory.HasCache,
        CellBase.Cached => memory.HasCache,
        // A guest_memfd cannot be cut; the mapping is longer than the file instead.
        CellBase.BeyondEnd => memory.HasCache,
        // A page of the cache leaves the mapping and is there as before; huge pages are never swapped.
        CellBase.Written when Swapped => !memory.IsShared && memory.PageShift == PageSize.BaseShift,
        _ => true,
    };
}

/// <summary>What an operation is.</summary>
internal enum CellCall
{
#pragma warning disable CS1591 // The names are the documentation.
    Copy,
    ZeroPage,
    Continue,
    Poison,
    Protect,
    Unprotect,
    Move,
    Wake,
    Register,
    Unregister,
    Read,
    Write,
    DontNeed,
    Free,
    Remove,
    Punch,
    Truncate,
    Fork,
#pragma warning restore CS1591
}

/// <summary>An operation on a page.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Call">What it is.</param>
/// <param name="WithWp">A fill that asks for write protection.</param>
/// <param name="ByKernel">An access in a system call.</param>
internal sealed record CellOperation(string Name, CellCall Call, bool WithWp = false, bool ByKernel = false)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CellOperation> All { get; } =
    [
        new("copy", CellCall.Copy),
        new("copy+wp", CellCall.Copy, WithWp: true),
        new("zeropage", CellCall.ZeroPage),
        new("continue", CellCall.Continue),
        new("continue+wp", CellCall.Continue, WithWp: true),
        new("poison", CellCall.Poison),
        new("wp-set", CellCall.Protect),
        new("wp-clear", CellCall.Unprotect),
        new("move", CellCall.Move),
        new("wake", CellCall.Wake),
        new("register", CellCall.Register),
        new("unregister", CellCall.Unregister),
        new("read", CellCall.Read),
        new("write", CellCall.Write),
        new("kread", CellCall.Read, ByKernel: true),
        new("kwrite", CellCall.Write, ByKernel: true),
        new("dontneed", CellCall.DontNeed),
        new("free", CellCall.Free),
        new("remove", CellCall.Remove),
        new("punch", CellCall.Punch),
        new("truncate", CellCall.Truncate),
        new("fork", CellCall.Fork),
    ];

    /// <summary>True for a load or a store.</summary>
    public bool IsAccess => Call is CellCall.Read or CellCall.Write;

    /// <summary>True for COPY, ZEROPAGE, CONTINUE and POISON.</summary>
    public bool IsFill => Call is CellCall.Copy or CellCall.ZeroPage or CellCall.Continue or CellCall.Poison;

    /// <summary>The operation of a name, or null.</summary>
    public static CellOperation? Find(string name) => All.FirstOrDefault(o => o.Name == name);
}
