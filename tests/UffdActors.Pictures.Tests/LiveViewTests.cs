using UffdActors.Pictures.History;
using UffdActors.Pictures.Live;
using UffdActors.Pictures.Recording;

namespace UffdActors.Pictures.Tests;

/// <summary>The live view as text: all that it says must be in its characters.</summary>
public sealed class LiveViewTests
{
    private static readonly LiveSnapshot Now = new()
    {
        Elapsed = TimeSpan.FromSeconds(12.34),
        Pages = 65_536,
        ReceivedPages = 16_384,
        PageBytes = 4096,
        Cells = [.. Enum.GetValues<CellState>()],
        Figures = [new("faults", "faults", 12_345, 1_234), new("push", "pages", 5_000, 400), new("outstanding", "pages", 3, null)],
        Faults = 12_345,
        RecentMedian = 45_000,
        RecentP99 = 312_000,
        Median = 50_000,
        P99 = 1_000_000,
        Blocked = [0.45, 1, 0],
        Hops = [new("raised to read", 3_100), new("read to requested", 900)],
        Incidents = [new(2_000_000_000, "SourceFailed", "the source does not answer")],
    };

    [Fact]
    public void It_says_everything_in_80_columns()
    {
        string[] lines = [.. LiveView.Of("uffd postcopy", Now, 80, 24).Select(l => l.Text.TrimEnd())];
        Assert.Equal(
            """
            uffd postcopy  12.3 s  16,384 of 65,536 pages (25.0 %)
            ·▚█▓░▁▀▒
            · absent ▚ requested █ demand ▓ pushed ░ zero ▁ given back ▀ protected ▒ before
            incidents 1
              2.000 s SourceFailed: the source does not answer
            rates     faults 1,234/s, push 400/s
            in all    faults 12,345, push 5,000, outstanding 3
            latency   last second p50 45.0 us, p99 312.0 us; all p50 50.0 us, p99 1.0 ms
            hops      raised to read 3.1 us, read to requested 900 ns
            blocked   vCPU 0  ████······  45 %  vCPU 1  ██████████ 100 %
                      vCPU 2  ··········   0 %
            """.ReplaceLineEndings("\n").Split('\n'),
            lines);
    }

    [Theory]
    [InlineData(20, 5)]
    [InlineData(40, 10)]
    [InlineData(80, 24)]
    [InlineData(200, 60)]
    [InlineData(1, 1)]
    public void It_fits_whatever_size_there_is(int width, int height)
    {
        LiveSnapshot now = Now with { Cells = [.. Enumerable.Repeat(CellState.Push, LiveView.CellsFor(width, height))] };
        IReadOnlyList<LiveLine> lines = LiveView.Of("uffd postcopy", now, width, height);
        Assert.InRange(lines.Count, 1, height);
        Assert.All(lines, line => Assert.InRange(line.Text.Length, 0, width));
    }

    [Fact]
    public void Each_state_of_a_page_has_a_character_of_its_own()
    {
        string map = LiveView.Of("", Now, 80, 24)[1].Text;
        Assert.Equal(Enum.GetValues<CellState>().Length, map.Distinct().Count());
    }

    [Fact]
    public void Before_the_guest_runs_it_says_so() =>
        Assert.Equal("uffd serve  the guest does not run yet", LiveView.Of("uffd serve", LiveSnapshot.Waiting, 80, 24)[0].Text);

    [Fact]
    public void Cells_show_what_most_of_their_pages_are_and_any_that_is_waited_for()
    {
        ulong[] received = [0xFFFF_FFFF, 0];
        PageWatch pages = new(
        [
            Runs.Region(0, received, state: page => page switch
            {
                < 16 => PageState.FromSource,
                < 32 => PageState.Zero,
                < 48 => PageState.Removed,
                < 64 => PageState.Written,
                _ => PageState.Absent,
            }),
        ]);
        pages.Look(1);
        Assert.Equal(
            [CellState.Push, CellState.Zero, CellState.GivenBack, CellState.Written, CellState.Absent, CellState.Absent, CellState.Absent,
                CellState.Requested],
            LiveCells.Of(pages, new HashSet<long> { 127, -1 }, 8));
    }

    [Fact]
    public void There_are_no_more_cells_than_pages() =>
        Assert.Equal(64, LiveCells.Of(new PageWatch([Runs.Region(0, [0])]), new HashSet<long>(), 1_000).Count);
}
