namespace UffdActors.Handling;

/// <summary>What a look from outside shows of a page: its entry in the page table, and what can be read there.</summary>
/// <param name="IsMapped">The page table has a page.</param>
/// <param name="IsProtected">Its entry is write-protected, be it a page or only the mark that one leaves behind.</param>
/// <param name="Content">What the guest reads there, mapped or not.</param>
internal readonly record struct PageLook(bool IsMapped, bool IsProtected, SeenContent Content);
