using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>
/// A difference between two kernels that is known and has a source: which cells it changes, decided from the answer of the kernel that does
/// not have it. Cells that no listed difference changes are equal, which a test checks (SEMANTICS 7).
/// </summary>
/// <param name="Without">Shape of the kernel without it.</param>
/// <param name="With">Shape of the kernel with it.</param>
/// <param name="Name">One line for a report.</param>
/// <param name="Source">Where it is written down.</param>
/// <param name="Changes">Whether it changes a cell with this answer.</param>
internal sealed record ListedDifference(OpsShape Without, OpsShape With, string Name, string Source, Func<Cell, CellAnswer, bool> Changes)
{
    private const string Invalid = nameof(Errno.EINVAL);

    /// <summary>All that are known between 6.18, the seed's table and 7.1.</summary>
    public static IReadOnlyList<ListedDifference> All { get; } =
    [
        new(OpsShape.BuiltIn, OpsShape.Seed, "guest_memfd takes MINOR and CONTINUE", "SEMANTICS 7.2.3, 7.2.10", IsMinorOfGuestMemfd),
        new(OpsShape.BuiltIn, OpsShape.Seed, "CONTINUE needs a shared mapping", "SEMANTICS 7.2.3", IsPrivateContinue),
        new(OpsShape.BuiltIn, OpsShape.Merged, "guest_memfd with INIT_SHARED takes every mode and every fill", "SEMANTICS 7.3.3",
            IsAnythingOfGuestMemfd),
        new(OpsShape.BuiltIn, OpsShape.Merged, "shmem beyond the end of the file: COPY and ZEROPAGE ENOMEM, CONTINUE EFAULT",
            "SEMANTICS 7.3.4", IsBeyondEnd),
        new(OpsShape.Seed, OpsShape.Merged, "guest_memfd with INIT_SHARED takes every mode and every fill", "SEMANTICS 7.3.3",
            IsAnythingOfGuestMemfd),
        new(OpsShape.Seed, OpsShape.Merged, "shmem beyond the end of the file: COPY and ZEROPAGE ENOMEM, CONTINUE EFAULT",
            "SEMANTICS 7.3.4", IsBeyondEndAndShared),
        new(OpsShape.Merged, OpsShape.Seed, "CONTINUE needs a shared mapping", "SEMANTICS 7.2.3", IsPrivateContinue),
        new(OpsShape.Merged, OpsShape.Seed, "guest_memfd takes MINOR and CONTINUE without INIT_SHARED too", "SEMANTICS 7.2.10",
            IsMinorOfUnsharedGuestMemfd),
    ];

    /// <summary>Finds the listed difference that changes a cell between two kernels; null if none does.</summary>
    public static ListedDifference? Find(Cell cell, OpsShape left, CellAnswer leftAnswer, OpsShape right, CellAnswer rightAnswer)
    {
        foreach (ListedDifference difference in All)
        {
            if (difference.Without == left && difference.With == right && difference.Changes(cell, leftAnswer)) return difference;
            if (difference.Without == right && difference.With == left && difference.Changes(cell, rightAnswer)) return difference;
        }

        return null;
    }

    private static bool IsMinorOfGuestMemfd(Cell cell, CellAnswer without)
    {
        if (!IsGuestMemfd(cell)) return false;
        if (cell.Modes == RegisterModes.Minor && !cell.State.Protected && !cell.State.Poisoned && IsRefused(cell, without)) return true;
        // Registered for asynchronous write protection, CONTINUE is accepted; beyond the end the lookup gives EINVAL too.
        return cell.Operation.Call == CellCall.Continue && without.Result == Invalid && cell.State.Base != CellBase.BeyondEnd
            && AsksForWhatIsThere(cell);
    }

    private static bool IsMinorOfUnsharedGuestMemfd(Cell cell, CellAnswer without) =>
        cell.Memory.Name == "guest-memfd-unshared" && IsMinorOfGuestMemfd(cell, without);

    private static bool IsAnythingOfGuestMemfd(Cell cell, CellAnswer without)
    {
        if (cell.Memory.Name != "guest-memfd") return false;
        if (IsRefused(cell, without)) return !cell.State.Protected || HasWp(cell);
        return cell.Operation.IsFill && without.Result == Invalid && AsksForWhatIsThere(cell);
    }

    private static bool IsPrivateContinue(Cell cell, CellAnswer without) =>
        !cell.Memory.IsShared && cell.Memory.HasCache && cell.Operation.Call == CellCall.Continue && without.IsReachable
            && without.Result != Invalid;

    private static bool IsBeyondEnd(Cell cell, CellAnswer without)
    {
        if (cell.State.Base != CellBase.BeyondEnd || cell.Memory.Name is not ("shmem" or "shmem-private") || !AsksForWhatIsThere(cell))
            return false;
        return cell.Operation.Call switch
        {
            // A private mapping is filled as anonymous memory.
            CellCall.Copy or CellCall.ZeroPage => cell.Memory.IsShared && without.Result == nameof(Errno.EFAULT),
            CellCall.Continue => without.Result == Invalid,
            _ => false,
        };
    }

    private static bool IsBeyondEndAndShared(Cell cell, CellAnswer without) => cell.Memory.IsShared && IsBeyondEnd(cell, without);

    private static bool IsGuestMemfd(Cell cell) => cell.Memory.Name.StartsWith("guest-memfd", StringComparison.Ordinal);

    // The state needs a registration or a poisoned page that this kernel refuses, or the registration itself is the question.
    private static bool IsRefused(Cell cell, CellAnswer without) =>
        without.Preparation is "REGISTER: EINVAL" or "POISON: EINVAL"
            || (cell.Operation.Call == CellCall.Register && without.Result == Invalid);

    private static bool HasWp(Cell cell) => (cell.Modes & RegisterModes.WriteProtect) != 0;

    // A fill with WP where WP is not registered is EINVAL in every kernel.
    private static bool AsksForWhatIsThere(Cell cell) => !cell.Operation.WithWp || HasWp(cell);
}
