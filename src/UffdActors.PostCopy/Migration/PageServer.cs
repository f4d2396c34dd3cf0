using UffdActors.Model.Memory;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// Reads pages of a guest that is stopped (or tracked), and sends them as frames: header, runs and bytes in one piece, which is reused. For
/// one thread at a time.
/// </summary>
internal sealed class PageServer
{
    private const int MostRuns = WireLimits.PagesAFrame;
    private const int DataAt = FrameHeader.Size + (MostRuns * FrameHeader.RunBytes);

    private readonly IReadOnlyList<GuestRegion> _regions;
    private readonly GuestReader _reader;
    private readonly byte[] _frame = GC.AllocateUninitializedArray<byte>(DataAt + WireLimits.ContentBytes, pinned: true);
    private readonly byte[] _runs = new byte[MostRuns * FrameHeader.RunBytes];
    private long _pages;
    private long _zeroPages;

    /// <param name="vm">Machine of the guest.</param>
    public PageServer(UffdVm vm)
    {
        _regions = vm.Regions;
        _reader = vm.NewReader();
    }

    /// <summary>Pages sent with bytes.</summary>
    public long Pages => Volatile.Read(ref _pages);

    /// <summary>Pages sent as zeros.</summary>
    public long ZeroPages => Volatile.Read(ref _zeroPages);

    /// <summary>Sends pages in as many frames as it takes.</summary>
    /// <param name="lane">Lane that they are sent on.</param>
    /// <param name="asked">Kind and id of the frames, region and pages.</param>
    /// <exception cref="IOException">The lane has ended.</exception>
    /// <exception cref="WireException">The pages are not the guest's.</exception>
    public void Send(Lane lane, in FrameHeader asked)
    {
        if (asked.Region >= _regions.Count || asked.FirstPage > _regions[asked.Region].Pages - asked.Pages)
            throw new WireException($"asked for {asked.Pages} pages from page {asked.FirstPage} of region {asked.Region}, which has none");
        long end = asked.FirstPage + asked.Pages;
        for (long page = asked.FirstPage; page < end; page += WireLimits.PagesAFrame)
            SendFrame(lane, asked with { FirstPage = page, Pages = (int)Math.Min(WireLimits.PagesAFrame, end - page) });
    }

    private void SendFrame(Lane lane, FrameHeader header)
    {
        GuestRegion region = _regions[header.Region];
        int runs = 0;
        int run = 0;
        bool hasBytes = false;
        int data = DataAt;
        bool isRead = _reader.TryReadPages(region, header.FirstPage, _frame.AsSpan(DataAt, header.Pages << PageSize.BaseShift));
        for (int i = 0; i < header.Pages; i++)
        {
            Span<byte> place = _frame.AsSpan(data, PageSize.Base);
            bool isBytes;
            if (isRead)
            {
                Span<byte> page = _frame.AsSpan(DataAt + (i << PageSize.BaseShift), PageSize.Base);
                isBytes = page.ContainsAnyExcept((byte)0);
                // Zero pages are not sent: move the bytes up to close the gap.
                if (isBytes && data != DataAt + (i << PageSize.BaseShift)) page.CopyTo(place);
            }
            else
            {
                // A page that the guest has freed is absent here, and reads as zeros.
                isBytes = _reader.TryRead(region, header.FirstPage + i, place) && place.ContainsAnyExcept((byte)0);
            }

            if (isBytes) data += PageSize.Base;
            if (run > 0 && isBytes != hasBytes)
            {
                PageRuns.Write(_runs.AsSpan(runs++ * FrameHeader.RunBytes), run, hasBytes);
                run = 0;
            }

            hasBytes = isBytes;
            run++;
        }

        PageRuns.Write(_runs.AsSpan(runs++ * FrameHeader.RunBytes), run, hasBytes);
        int head = DataAt - (runs * FrameHeader.RunBytes);
        _runs.AsSpan(0, runs * FrameHeader.RunBytes).CopyTo(_frame.AsSpan(head));
        head -= FrameHeader.Size;
        (header with { Body = data - head - FrameHeader.Size, Runs = runs }).Write(_frame.AsSpan(head));
        lane.SendFrame(_frame.AsSpan(head, data - head));
        int withBytes = (data - DataAt) >> PageSize.BaseShift;
        Volatile.Write(ref _pages, _pages + withBytes);
        Volatile.Write(ref _zeroPages, _zeroPages + header.Pages - withBytes);
    }
}
