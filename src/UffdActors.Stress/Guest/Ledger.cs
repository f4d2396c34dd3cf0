using UffdActors.Model.Memory;

namespace UffdActors.Stress.Guest;

/// <summary>
/// The expected content of every page, kept outside the guest and changed under the page's lock, like the page. If mutual exclusion is
/// lost, the ledger sees two holders.
/// </summary>
/// <remarks>Safe for any thread as its members say.</remarks>
internal sealed class Ledger
{
    private readonly int[] _holders;
    private readonly ulong[] _counts;
    private readonly ulong[] _lanes;
    private readonly int[] _bare;
    private readonly int[] _gone;
    private readonly long[] _checks = new long[StressOracles.All.Count];
    private StressViolation? _violation;
    private long _wholePages;

    public Ledger(int pages, int vcpus)
    {
        Pages = pages;
        Vcpus = vcpus;
        _holders = new int[pages];
        _counts = new ulong[pages];
        _lanes = new ulong[pages * vcpus];
        _bare = new int[pages];
        _gone = new int[pages];
    }

    /// <summary>Pages of the guest.</summary>
    public int Pages { get; }

    /// <summary>vCPUs of the guest.</summary>
    public int Vcpus { get; }

    /// <summary>The first violation. Any thread.</summary>
    public StressViolation? Violation => Volatile.Read(ref _violation);

    /// <summary>Pages that were compared in full, and were right. Any thread.</summary>
    public long WholePages => Volatile.Read(ref _wholePages);

    /// <summary>Completed by the first violation.</summary>
    public CancellationTokenSource Violated { get; } = new();

    /// <summary>How often an oracle was checked. Any thread.</summary>
    public long ChecksOf(StressOracle oracle) => Volatile.Read(ref _checks[(int)oracle]);

    /// <summary>Counts checks of an oracle. Any thread.</summary>
    public void Checked(StressOracle oracle, long times = 1) => _ = Interlocked.Add(ref _checks[(int)oracle], times);

    /// <summary>Records a violation; the first one counts. Any thread.</summary>
    public void Violate(StressOracle oracle, string message, long? page = null, IReadOnlyList<string>? details = null)
    {
        StressViolation violation = new(oracle, message, page, details ?? []);
        if (Interlocked.CompareExchange(ref _violation, violation, null) is null) Violated.Cancel();
    }

    /// <summary>The lock of a page has been taken.</summary>
    /// <param name="page">Page.</param>
    /// <param name="holder">Number of the holder; not 0.</param>
    /// <returns>False if it has another holder.</returns>
    public bool Claim(long page, int holder) => Interlocked.CompareExchange(ref _holders[page], holder, 0) == 0;

    /// <summary>Holder of a page's lock; 0 for none. Any thread.</summary>
    public int HolderOf(long page) => Volatile.Read(ref _holders[page]);

    /// <summary>The lock of a page is released. By its holder.</summary>
    public void Release(long page) => Volatile.Write(ref _holders[page], 0);

    /// <summary>The page's counter. Under its lock.</summary>
    public ulong CountOf(long page) => _counts[page];

    /// <summary>A vCPU's increments of the page. Under its lock.</summary>
    public ulong LaneOf(long page, int vcpu) => _lanes[(page * Vcpus) + vcpu];

    /// <summary>The page has no pattern: it was given back, or is about to be. Any thread.</summary>
    public bool IsBare(long page) => Volatile.Read(ref _bare[page]) != 0;

    /// <summary>The page's former content is gone: no read may return it any more. Any thread.</summary>
    public bool IsGone(long page) => Volatile.Read(ref _gone[page]) != 0;

    /// <summary>A vCPU has counted. Under the page's lock.</summary>
    public void Increment(long page, int vcpu)
    {
        _counts[page]++;
        _lanes[(page * Vcpus) + vcpu]++;
    }

    /// <summary>The page is about to be given back: from here on it may read as zeros. Under its lock.</summary>
    public void GiveBack(long page)
    {
        _counts[page] = 0;
        Array.Clear(_lanes, (int)page * Vcpus, Vcpus);
        Volatile.Write(ref _bare[page], 1);
    }

    /// <summary>The page has been given back: from here on its former content must not be seen.</summary>
    public void Gone(long page) => Volatile.Write(ref _gone[page], 1);

    /// <summary>The page starts anew. While no vCPU runs.</summary>
    /// <param name="page">Page.</param>
    /// <param name="isBare">As zeros, without a pattern.</param>
    public void Begin(long page, bool isBare)
    {
        GiveBack(page);
        Volatile.Write(ref _bare[page], isBare ? 1 : 0);
        Volatile.Write(ref _gone[page], isBare ? 1 : 0);
    }

    /// <summary>The page as it must be. While no vCPU runs.</summary>
    public void WritePage(long page, Span<byte> bytes) =>
        PageLayout.Write(page, IsBare(page), _counts[page], _lanes.AsSpan((int)page * Vcpus, Vcpus), bytes);

    /// <summary>Compares a page with what it must be. While no vCPU runs.</summary>
    /// <param name="page">Page.</param>
    /// <param name="bytes">Its content.</param>
    public void CheckWhole(long page, ReadOnlySpan<byte> bytes)
    {
        Span<byte> expected = stackalloc byte[PageSize.Base];
        WritePage(page, expected);
        int same = bytes.CommonPrefixLength(expected);
        Checked(StressOracle.FinalBytes);
        if (same == PageSize.Base)
        {
            _ = Interlocked.Increment(ref _wholePages);
            return;
        }

        int offset = same & ~(sizeof(ulong) - 1);
        ulong found = BitConverter.ToUInt64(bytes[offset..]);
        ulong due = BitConverter.ToUInt64(expected[offset..]);
        Violate(
            StressOracle.FinalBytes, $"page {page}, {PageLayout.NameOf(offset)}: {Text(found)} instead of {Text(due)} after the lap", page);
    }

    /// <summary>Checks a word that was read under the page's lock.</summary>
    public void CheckLocked(long page, int vcpu, int offset, StressOracle oracle, ulong due, ulong found)
    {
        if (found == due) return;
        if (found == 0) oracle = StressOracle.ZeroPage;
        else if (due == 0 && IsBare(page)) oracle = StressOracle.OldBytes;
        string why = oracle == StressOracle.Counter || oracle == StressOracle.Lane
            ? found < due ? " (an increment is lost)" : " (an increment too many)" : "";
        Violate(
            oracle,
            $"vCPU {vcpu} read {Text(found)} instead of {Text(due)} under the lock of page {page}, {PageLayout.NameOf(offset)}{why}", page);
    }

    private static string Text(ulong value) => value < 1UL << 40 ? $"{value}" : $"0x{value:x16}";
}
