using UffdActors.Explore.Scenarios;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Scenes;

/// <summary>Content of the pages of a scenario: eight-byte values that encode their origin.</summary>
internal sealed class PageContent : IDisposable
{
    private readonly Scenario _scenario;
    private readonly NativeBuffer[] _pages;
    private readonly int[] _first;
    private readonly RegionLayout _layout;

    public PageContent(Scenario scenario)
    {
        _scenario = scenario;
        _layout = scenario.Layout;
        _first = new int[scenario.Regions.Length];
        for (int i = 1; i < _first.Length; i++) _first[i] = _first[i - 1] + scenario.Regions[i - 1].Pages;
        _pages = [.. scenario.Regions.Select((region, number) => MakePages(number, region, _layout))];
    }

    /// <summary>Base pages in a page.</summary>
    public int UnitPages => _layout.UnitPages;

    /// <summary>Number of a page among those of all regions.</summary>
    public int IndexOf(int region, int page) => _first[region] + page;

    /// <summary>The source's content of a page: 0 where it answers zeros.</summary>
    public ulong OfSource(int region, int page) => _scenario.Regions[region].Zeros.Contains(page) ? 0 : Value(region, page);

    /// <summary>The source's answer for a base page of a region.</summary>
    public (SourceContent Content, nint Address) Answer(int region, long basePage) =>
        _scenario.Regions[region].Zeros.Contains((int)(basePage / _layout.UnitPages))
            ? (SourceContent.Zero, 0)
            : (SourceContent.Bytes, _pages[region].Address + ((nint)basePage << PageSize.BaseShift));

    /// <summary>Native bytes of the source's page.</summary>
    public nint AddressOf(int region, int page) => _pages[region].Address + ((nint)page << _layout.PageShift);

    /// <summary>Content of a thread's fill for the n-th page of its range.</summary>
    public ulong OfFill(ThreadAction action, int page) => action.Kind switch
    {
        ActionKind.Zeropage => 0,
        ActionKind.CopyFrom => OfSource(action.OtherRegion, action.OtherPage + page),
        _ => OfSource(action.Region, action.Page + page),
    };

    /// <summary>What a thread stores with its n-th action.</summary>
    public static ulong OfWrite(int thread, int action) => 0xC000_0000_0000_0000 | ((ulong)(uint)(thread + 1) << 16) | (uint)(action + 1);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (NativeBuffer pages in _pages) pages.Dispose();
    }

    /// <summary>A value in words.</summary>
    public static string Describe(ulong value) => (value >> 60) switch
    {
        0 when value == 0 => "zeros",
        5 => $"the source's page {value & 0xFFFF}",
        0xC when ((value >> 16) & 0xFFFF) == 0x100 => "what the set-up stored",
        0xC => $"what thread {((value >> 16) & 0xFFFF) - 1} stored with action {(value & 0xFFFF) - 1}",
        _ => $"0x{value:x16}",
    };

    /// <summary>The word that fills a page of the source.</summary>
    public static ulong OfPage(int region, int page) => Value(region, page);

    /// <summary>The page of the source that a word fills; null if it fills none.</summary>
    public static (int Region, int Page)? PlaceOf(ulong word) =>
        word >> 60 == 5 ? ((int)((word >> 32) & 0xFFF_FFFF), (int)(word & 0xFFFF_FFFF)) : null;

    private static ulong Value(int region, int page) => 0x5000_0000_0000_0000 | ((ulong)(uint)region << 32) | (uint)page;

    private static NativeBuffer MakePages(int region, RegionPlan plan, RegionLayout layout)
    {
        int pages = plan.Pages;
        NativeBuffer buffer = new((long)pages << layout.PageShift);
        Span<ulong> words = stackalloc ulong[PageSize.Base / sizeof(ulong)];
        for (int page = 0; page < pages; page++)
        {
            words.Fill(plan.Zeros.Contains(page) ? 0 : Value(region, page));
            for (int part = 0; part < layout.UnitPages; part++)
            {
                long at = ((long)page << layout.PageShift) + (part << PageSize.BaseShift);
                buffer.Write(at, System.Runtime.InteropServices.MemoryMarshal.AsBytes(words));
            }
        }

        return buffer;
    }
}
