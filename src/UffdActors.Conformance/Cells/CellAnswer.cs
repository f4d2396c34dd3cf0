namespace UffdActors.Conformance.Cells;

/// <summary>Result of a cell: everything that a program could observe, with the entry and the cache slot of the model.</summary>
/// <param name="Preparation">Empty if the state could be reached; otherwise the first step that failed, and how.</param>
/// <param name="Result">0, an errno, or an access's outcome: ok:VALUE, SIGBUS(code=N), EFAULT, MSG:FLAGS of the fault it sleeps in.</param>
/// <param name="Out">The out field: bytes or a negative errno, a mask in hex, "untouched", or empty if the call has none.</param>
/// <param name="EntryBefore">The entry in words.</param>
/// <param name="EntryAfter">The entry afterwards.</param>
/// <param name="CacheBefore">The file's page in words; empty for anonymous memory.</param>
/// <param name="CacheAfter">The file's page afterwards.</param>
/// <param name="Reader">What happens to a thread that sleeps in a read of the page; empty if none can.</param>
/// <param name="Writer">What happens to a thread that sleeps in a write of the page; empty if none can.</param>
internal sealed record CellAnswer(
    string Preparation,
    string Result,
    string Out,
    string EntryBefore,
    string EntryAfter,
    string CacheBefore,
    string CacheAfter,
    string Reader,
    string Writer)
{
    /// <summary>A cell whose state cannot be reached.</summary>
    public static CellAnswer Unreachable(string why) => new(why, "", "", "", "", "", "", "", "");

    /// <summary>True if the state could be reached.</summary>
    public bool IsReachable => Preparation.Length == 0;
}
