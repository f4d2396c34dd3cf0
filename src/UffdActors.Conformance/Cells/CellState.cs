using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Cells;

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

    /// <summary>Other names of states.</summary>
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
        // A guest_memfd cannot be truncated; the mapping is longer than the file instead.
        CellBase.BeyondEnd => memory.HasCache,
        // A cached page is unmapped and stays in the cache; huge pages are never swapped.
        CellBase.Written when Swapped => !memory.IsShared && memory.PageShift == PageSize.BaseShift,
        _ => true,
    };
}
