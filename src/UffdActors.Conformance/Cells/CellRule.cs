namespace UffdActors.Conformance.Cells;

/// <summary>A rule of SEMANTICS, and which answers it explains. The first that applies is the one to cite.</summary>
/// <param name="Section">The citation of it.</param>
/// <param name="Sentence">The rule.</param>
/// <param name="Explains">Whether it is the reason for an answer.</param>
internal sealed record CellRule(string Section, string Sentence, Func<Cell, CellAnswer, bool> Explains)
{
    private const string Invalid = nameof(Errno.EINVAL);
    private const string Exists = nameof(Errno.EEXIST);
    private const string Bad = nameof(Errno.EFAULT);

    private static readonly CellRule[] Rules =
    [
        new("SEMANTICS 2.1.1", "This kernel does not offer a feature that is asked for: UFFDIO_API gives EINVAL.",
            (_, a) => a.Preparation == "API: EINVAL"),
        new("SEMANTICS 3.2",
            "This memory cannot be registered with these modes in such a context: REGISTER gives EINVAL, so the question does not arise.",
            (_, a) => a.Preparation == "REGISTER: EINVAL"),
        new("SEMANTICS 5.7.2", "Without mode W nothing can be write-protected: WRITEPROTECT gives ENOENT.",
            (_, a) => a.Preparation == "WRITEPROTECT: ENOENT"),
        new("SEMANTICS 5.1.7",
            "Memory that was registered for asynchronous write protection alone takes no fill, so it cannot be poisoned.",
            (_, a) => a.Preparation == "POISON: EINVAL"),
        new("SEMANTICS 4.1, 7.4", "The state cannot be reached with this memory.", (_, a) => !a.IsReachable),

        new("SEMANTICS 3.2.5", "REGISTER accepts what the memory supports; the mask follows from page size and modes alone.",
            (c, a) => Is(c, CellCall.Register) && a.Result == "0"),
        new("SEMANTICS 3.1.5, 3.2", "REGISTER refuses with EINVAL any mode that the memory does not support; then nothing is registered.",
            (c, _) => Is(c, CellCall.Register)),
        new("SEMANTICS 3.4.3",
            "UNREGISTER wakes the waiters of a part that has M; of W-, I- and WI-only parts it wakes none. WP bits and markers go, "
                + "poison stays.",
            (c, _) => Is(c, CellCall.Unregister)),

        new("SEMANTICS 5.1.7", "A fill that asks for write protection needs mode W on the mapping.",
            (c, a) => c.Operation.WithWp && !HasWp(c) && a.Result == Invalid),
        new("SEMANTICS 5.1.7, 7.2.3", "A fill whose ioctl the memory does not offer is refused before a page is looked at.",
            (c, a) =>
                c.Operation.IsFill && a.Result == Invalid && c.Memory.Name is not ("anon" or "hugetlb" or "hugetlb-private" or "hugetlb-1g")
                    && c.State.Base != CellBase.BeyondEnd),
        new("SEMANTICS 5.1.7", "Anonymous memory has no page cache, so there is nothing to continue.",
            (c, a) => Is(c, CellCall.Continue) && c.Memory.Name == "anon" && a.Result == Invalid),
        new("SEMANTICS 7.2.3", "In the seed's table CONTINUE needs a shared mapping.",
            (c, a) => Is(c, CellCall.Continue) && !c.Memory.IsShared && a.Result == Invalid && c.State.Base != CellBase.BeyondEnd),
        new("SEMANTICS 5.4.2", "There is no huge page of zeros: ZEROPAGE is refused on hugetlb in every state.",
            (c, a) => Is(c, CellCall.ZeroPage) && a.Result == Invalid),
        new("SEMANTICS 5.2.7", "Beyond the end of the file nothing can be filled; which error says so depends on memory, ioctl and kernel.",
            (c, a) => c.Operation.IsFill && c.State.Base == CellBase.BeyondEnd && a.Result != "0"),
        new("SEMANTICS 5.2.5", "CONTINUE needs a page in the cache; over a hole it gives EFAULT.",
            (c, a) => Is(c, CellCall.Continue) && a.Result == Bad),
        new("SEMANTICS 5.2.8", "A page in swap is a page: the fill gives EEXIST and does not wake.",
            (c, a) => c.State.Swapped && c.Operation.IsFill && a.Result == Exists),
        new("SEMANTICS 5.1.11, 5.2.6", "Present pages are never replaced: the fill gives EEXIST and does not wake, so WAKE has to follow.",
            (c, a) => c.Operation.IsFill && a.Result == Exists && a.EntryBefore.Contains("page", StringComparison.Ordinal)),
        new("SEMANTICS 5.2.4", "A shared COPY or ZEROPAGE needs the cache slot to be empty too.",
            (c, a) =>
                c.Operation.IsFill && a.Result == Exists && a.CacheBefore.StartsWith("page", StringComparison.Ordinal) && c.Memory.IsShared
                    && Is(c, CellCall.Copy, CellCall.ZeroPage)),
        new("SEMANTICS 5.2.2",
            "Calls that write the entry alone (ZEROPAGE of private memory, POISON, MOVE) need it completely empty; a marker gives EEXIST.",
            (c, a) => a.Result == Exists),
        new("SEMANTICS 5.3.3",
            "COPY may replace any marker. Without the WP flag the write protection is lost; pass the flag to keep it.",
            (c, a) => Is(c, CellCall.Copy) && !c.Operation.WithWp && a is { Result: "0", EntryBefore: "WP marker" }),
        new("SEMANTICS 5.2.1", "COPY, CONTINUE and shared ZEROPAGE install a page and may replace any marker, poison too.",
            (c, a) => c.Operation.IsFill && a.Result == "0" && a.EntryBefore is "WP marker" or "poison" && !Is(c, CellCall.Poison)),
        new("SEMANTICS 5.3.1", "COPY fills an empty entry and wakes the waiters of exactly what it has filled.",
            (c, a) => Is(c, CellCall.Copy) && a.Result == "0"),
        new("SEMANTICS 5.4.1", "ZEROPAGE maps the shared zero page in private memory and makes a page of zeros in shared memory.",
            (c, a) => Is(c, CellCall.ZeroPage) && a.Result == "0"),
        new("SEMANTICS 5.5.1", "CONTINUE maps the page that the cache holds: writable in shared mappings, read-only in private ones.",
            (c, a) => Is(c, CellCall.Continue) && a.Result == "0"),
        new("SEMANTICS 5.6.1", "POISON marks a completely empty entry and leaves the cache alone; every access is SIGBUS from then on.",
            (c, a) => Is(c, CellCall.Poison) && a.Result == "0"),

        new("SEMANTICS 5.7.2", "WRITEPROTECT stops with ENOENT at a mapping without W.",
            (c, a) => Is(c, CellCall.Protect, CellCall.Unprotect) && a.Result == nameof(Errno.ENOENT)),
        new("SEMANTICS 5.7.3",
            "Setting protection marks pages, and empty entries of files; of anonymous memory only with WP_UNPOPULATED or WP_ASYNC. Poison "
                + "stays. No thread is woken.",
            (c, _) => Is(c, CellCall.Protect)),
        new("SEMANTICS 5.7.4", "Clearing removes bits and markers and wakes every waiter in the range, whatever it waits for.",
            (c, _) => Is(c, CellCall.Unprotect)),
        new("SEMANTICS 5.8.1", "MOVE works between private anonymous mappings only.",
            (c, a) => Is(c, CellCall.Move) && a.Result == Invalid),
        new("SEMANTICS 5.8.4", "MOVE removes the page from its source; its write protection is not moved.",
            (c, _) => Is(c, CellCall.Move)),
        new("SEMANTICS 5.9.2",
            "WAKE wakes the waiters whose message address is in the range; without a resolution they fault again with a new message.",
            (c, _) => Is(c, CellCall.Wake)),

        new("SEMANTICS 4.2.2", "A poisoned entry fails every access.", (c, a) => c.Operation.IsAccess && a.EntryBefore == "poison"),
        new("SEMANTICS 4.2.3", "Beyond the end of the file every access fails, whatever is registered.",
            (c, a) => c.Operation.IsAccess && c.State.Base == CellBase.BeyondEnd),
        new("SEMANTICS 4.2.8", "With SIGBUS a fault is never reported: the access fails.",
            (c, a) => c.Operation.IsAccess && (c.Features & UffdFeatures.Sigbus) != 0 && IsFailure(a)),
        new("SEMANTICS 7.4.2", "This guest_memfd is not shared with the host: touching it fails.",
            (c, a) => c.Operation.IsAccess && IsFailure(a)),
        new("SEMANTICS 4.2.6", "A write to a write-protected page is reported as WRITE+WP.",
            (c, a) => c.Operation.IsAccess && a.Result == "MSG:WRITE+WP"),
        new("SEMANTICS 4.2.4", "The cache has the page, the mapping does not, and I is registered: a minor fault.",
            (c, a) => c.Operation.IsAccess && a.Result.EndsWith("MINOR", StringComparison.Ordinal)),
        new("SEMANTICS 4.2.4", "Neither the mapping nor the cache has the page, and M is registered: a missing fault, on a WP marker too.",
            (c, a) => c.Operation.IsAccess && a.Result.StartsWith("MSG", StringComparison.Ordinal)),
        new("SEMANTICS 4.1.5",
            "A page in swap is brought back by an ordinary fault, whatever is registered; its write protection comes back with it.",
            (c, a) => c.State.Swapped && c.Operation.IsAccess && a.Result.StartsWith("ok", StringComparison.Ordinal)),
        new("SEMANTICS 4.2.6", "With WP_ASYNC the kernel clears the protection itself, and the write proceeds.",
            (c, a) =>
                Is(c, CellCall.Write) && (c.Features & UffdFeatures.WpAsync) != 0
                    && (a.EntryBefore.Contains("WP", StringComparison.Ordinal)
                        || a.EntryBefore.Contains("protected", StringComparison.Ordinal))),
        new("SEMANTICS 4.2.7", "The entry allows the access.",
            (c, a) => c.Operation.IsAccess && a.EntryBefore.Contains("page", StringComparison.Ordinal)),
        new("SEMANTICS 4.2.5", "No registered mode applies: an ordinary fault fills the page, and a marker becomes a protected page.",
            (c, _) => c.Operation.IsAccess),

        new("SEMANTICS 4.4.1, 4.4.2",
            "MADV_DONTNEED drops everything of anonymous memory; elsewhere write protection stays as a marker, and the cache keeps "
                + "the page.",
            (c, _) => Is(c, CellCall.DontNeed)),
        new("SEMANTICS 6.7.4", "MADV_FREE takes poison at once and pages under pressure only; it is for anonymous memory.",
            (c, _) => Is(c, CellCall.Free)),
        new("SEMANTICS 6.7.5", "MADV_REMOVE punches a hole, through a shared writable mapping of a file only.",
            (c, _) => Is(c, CellCall.Remove)),
        new("SEMANTICS 4.4.3 to 4.4.5",
            "Punching empties the cache and every mapping of the page; write protection stays as a marker, private copies of base "
                + "pages stay.", (c, _) => Is(c, CellCall.Punch)),
        new("SEMANTICS 4.4.6, 4.4.7",
            "Truncating removes the page from every mapping, private copies too; markers of base pages stay, hugetlb loses everything.",
            (c, _) => Is(c, CellCall.Truncate)),
        new("SEMANTICS 6.9.1, 6.9.6",
            "Without EVENT_FORK the child is not registered: its write protection is gone, poison of private memory stays.",
            (c, _) => Is(c, CellCall.Fork)),
    ];

    /// <summary>The rule behind an answer.</summary>
    public static CellRule Of(Cell cell, CellAnswer answer) => Rules.FirstOrDefault(r => r.Explains(cell, answer))
        ?? throw new InvalidOperationException($"No rule is cited for {cell}, whose answer is {answer}.");

    private static bool Is(Cell cell, params ReadOnlySpan<CellCall> calls) => calls.Contains(cell.Operation.Call);

    private static bool HasWp(Cell cell) => (cell.Modes & RegisterModes.WriteProtect) != 0;

    private static bool IsFailure(CellAnswer answer) =>
        answer.Result == Bad || answer.Result.StartsWith("SIGBUS", StringComparison.Ordinal);
}
