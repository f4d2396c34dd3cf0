using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Filling;

/// <summary>What a fill was decided on: the map in which it looked its destination up, and the context's change epoch (RING R2).</summary>
internal struct Destination
{
    /// <summary>The map.</summary>
    public VmaMap? Map { get; private set; }

    /// <summary>The mapping that was found; kept when a later lookup finds none.</summary>
    public Vma? Vma { get; set; }

    /// <summary>The epoch.</summary>
    public long Epoch { get; set; }

    /// <summary>Looks the destination up as if the call came now. In any owner's turn: everything it reads is published.</summary>
    /// <param name="fill">The call.</param>
    /// <param name="isChanging">True if mappings are known to be changing.</param>
    /// <param name="found">The mapping.</param>
    /// <returns>Success, or the errno of a call made now.</returns>
    public Errno Look(Fill fill, bool isChanging, out Vma? found)
    {
        VmaMap map = fill.Context.Mm.Map;
        // Nearly always the same references: comparing them first avoids the GC write barrier.
        if (!ReferenceEquals(Map, map)) Map = map;
        found = map.Find(PageSize.PageOf(fill.Start));
        // As in the kernel, a private mapping gets its anon_vma before the check whether it is registered at all.
        found?.PrepareAnon(map);
        return found switch
        {
            null => Errno.ENOENT,
            _ when PageSize.PageOf(fill.Start + fill.Length) > found.Range.End => Errno.ENOENT,
            { Context: null } => Errno.ENOENT,
            _ when isChanging || fill.EpochHasChanged => Errno.EAGAIN,
            _ => FillRules.Check(fill.Context.Mm.Machine, found, fill.Kind, fill.Modes, fill.Start, fill.Length),
        };
    }

    /// <summary>True if a page lies in the same memory, at the same place in it, in both mappings.</summary>
    public static bool IsSamePlace(Vma before, Vma now, long page) =>
        now.File == before.File && now.IsShared == before.IsShared
        && now.FileIndexOf(now.HeadOf(page)) == before.FileIndexOf(before.HeadOf(page));
}
