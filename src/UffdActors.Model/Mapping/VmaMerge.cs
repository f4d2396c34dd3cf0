namespace UffdActors.Model.Mapping;

/// <summary>Which neighbours the kernel makes one VMA of (SEMANTICS 3.5).</summary>
internal static class VmaMerge
{
    /// <summary>True if two VMAs, the second right behind the first, are to be one.</summary>
    public static bool CanMerge(Vma left, Vma right) =>
        left.Prot == right.Prot && left.Modes == right.Modes && left.Context == right.Context && AreAlike(left, right)
            && AnonAgrees(left, right);

    /// <summary>
    /// True if two neighbours may share their anon_vma: nothing but protection, or the context at which they are registered, keeps them
    /// apart. The modes are VMA flags, so different modes do keep them apart.
    /// </summary>
    public static bool CouldShareAnon(Vma left, Vma right) => left.Modes == right.Modes && AreAlike(left, right);

    /// <summary>The VMA of both.</summary>
    public static Vma Merge(Vma left, Vma right) =>
        left.MovedTo(left.Range with { End = right.Range.End }, left.Offset, left.Owner, left.Backend, left.Anon ?? right.Anon);

    // hugetlb mappings are VM_DONTEXPAND, and those are never merged.
    private static bool AreAlike(Vma left, Vma right) =>
        !left.IsHuge
        && left.Range.End == right.Range.Start
        && left.File == right.File
        && left.IsShared == right.IsShared
        && left.MayWrite == right.MayWrite
        && left.IsDroppable == right.IsDroppable
        && left.IsLeftOutOfForks == right.IsLeftOutOfForks
        && left.IsAccounted == right.IsAccounted
        && left.Offset + left.Range.Count == right.Offset;

    private static bool AnonAgrees(Vma left, Vma right) =>
        left.Anon == right.Anon || (left.Anon ?? right.Anon) is { OfForkChild: false } && (left.Anon is null || right.Anon is null);
}
