using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations;

/// <summary>Argument checks that several calls share (SEMANTICS 5.1).</summary>
internal static class ArgumentChecks
{
    /// <summary>A range: start and length whole base pages, not empty, below the end of user space.</summary>
    public static bool IsRange(ulong start, ulong length) => start % PageSize.Base == 0 && IsUnalignedRange(start, length);

    /// <summary>The same without the alignment of the start: the source of COPY.</summary>
    public static bool IsUnalignedRange(ulong start, ulong length) =>
        length % PageSize.Base == 0 && length != 0 && start < PageSize.TaskSize && length <= PageSize.TaskSize - start;

    /// <summary>True if a word has no bits but the allowed ones.</summary>
    public static bool HasOnly(ulong word, ulong allowed) => (word & ~allowed) == 0;

    /// <summary>True if the modes of a REGISTER call are known and not empty.</summary>
    public static bool AreModes(ulong modes) => modes != 0 && HasOnly(modes, (ulong)RegisterModes.All);
}
