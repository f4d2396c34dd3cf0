using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>One call of <see cref="IVmUffdOps.Copy"/>: the hook's arguments apart from the folio.</summary>
/// <param name="Vma">The destination's mapping.</param>
/// <param name="Page">The destination's base page.</param>
/// <param name="Source">Where the bytes are.</param>
/// <param name="Modes">Fill mode; WP if the page is to be mapped write-protected.</param>
public readonly record struct CopyRequest(Vma Vma, long Page, FillSource Source, FillModes Modes)
{
    /// <summary>Page of the file.</summary>
    public long FileIndex => Vma.FileIndexOf(Page);

    /// <summary>The file.</summary>
    public MemoryFile File => Vma.File!;
}
