using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>The memory map of the live view: each cell stands for a run of pages, of which a few are looked at.</summary>
internal static class LiveCells
{
    private const int LooksACell = 16;

    /// <summary>The cells.</summary>
    /// <param name="pages">Pages that are watched.</param>
    /// <param name="requested">Pages that are waited for.</param>
    /// <param name="cells">Cells, at most; fewer if there are fewer pages.</param>
    public static IReadOnlyList<CellState> Of(PageWatch pages, IReadOnlySet<long> requested, int cells)
    {
        int count = Math.Min(cells, pages.Watched);
        CellState[] states = new CellState[count];
        if (pages.Pages == 0) return [];
        for (int cell = 0; cell < count; cell++)
            states[cell] = Of(pages, (long)cell * pages.Watched / count, (long)(cell + 1) * pages.Watched / count);
        foreach (long page in requested)
        {
            if (page < 0) continue;
            long watched = page / pages.Stride;
            states[Math.Min(count - 1, ((watched + 1) * count - 1) / pages.Watched)] = CellState.Requested;
        }

        return states;
    }

    private static CellState Of(PageWatch pages, long first, long end)
    {
        Span<int> votes = stackalloc int[(int)CellState.Before + 1];
        long step = Math.Max(1, (end - first) / LooksACell);
        for (long watched = first; watched < end; watched += step) votes[(int)Of(pages.StateOf(watched), pages.CauseOf(watched))]++;
        int most = 0;
        for (int state = 1; state < votes.Length; state++)
        {
            if (votes[state] > votes[most]) most = state;
        }

        return (CellState)most;
    }

    private static CellState Of(PageState state, PageCause cause) => state switch
    {
        PageState.Absent => CellState.Absent,
        PageState.Removed => CellState.GivenBack,
        PageState.Written or PageState.Poisoned => CellState.Written,
        PageState.Zero => CellState.Zero,
        _ => cause switch
        {
            PageCause.Before => CellState.Before,
            PageCause.Demand => CellState.Demand,
            _ => CellState.Push,
        },
    };
}
