using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>A folio is mapped in one place, unless the cache of a file maps it in several (RING R5, R6).</summary>
internal sealed class SharingOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AfterStep(int step, bool hasChanged)
    {
        if (!hasChanged) return;
        Entry[] entries = Record.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Kind is not (EntryKind.Anon or EntryKind.File)) continue;
            for (int j = i + 1; j < entries.Length; j++)
            {
                if (entries[j].Kind is not (EntryKind.Anon or EntryKind.File) || entries[j].Folio != entries[i].Folio) continue;
                bool areFiles = entries[i].Kind == EntryKind.File && entries[j].Kind == EntryKind.File;
                if (areFiles && CachePageOf(i) is { } page && page == CachePageOf(j)) continue;
                Fail("one-place", $"{Scene.NameOf(i)} and {Scene.NameOf(j)} are the same page of memory", step);
            }
        }
    }

    // MREMAP_DONTUNMAP of a shared mapping leaves two mappings of one page of its file.
    private (MemoryFile, long)? CachePageOf(int index) =>
        Scene.VmaOf(index) is { File: { } file } vma ? (file, vma.FileIndexOf(Scene.PageOf(index))) : null;
}
