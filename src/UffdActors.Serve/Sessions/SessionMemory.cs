using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;
using UffdActors.Serve.Content;
using UffdActors.Serve.Dialects;
using UffdActors.Serve.WorkingSets;

namespace UffdActors.Serve.Sessions;

/// <summary>The regions of a guest: adopted and registered when it is handed over, and those that its VMM adds while it runs.</summary>
/// <param name="vm">The guest's machine.</param>
/// <param name="handOver">What the VMM has handed over.</param>
/// <param name="content">The content of the snapshot.</param>
/// <param name="options">How the guest is served.</param>
/// <remarks>Any thread; regions are added one after the other.</remarks>
internal sealed class SessionMemory(UffdVm vm, HandOver handOver, IContent content, SessionOptions options)
{
    private readonly SemaphoreSlim _adding = new(1, 1);
    private Userfault? _uffd;
    private GuestSource? _source;

    /// <summary>What serves the guest; there once <see cref="AdoptAsync"/> has returned.</summary>
    public Userfault Userfault => _uffd!;

    /// <summary>Where its pages come from; there once it is served.</summary>
    public GuestSource Source => _source!;

    /// <summary>Regions of the guest.</summary>
    public int Count => handOver.Message.Regions.Count;

    /// <summary>True if a region is registered for write protection: the VMM tracks what its guest writes.</summary>
    public bool TracksWrites { get; private set; }

    /// <summary>Adopts the userfaultfd, and adopts and registers the regions of the hand-over.</summary>
    /// <returns>The regions that pages may be filled in before the guest touches them, with their places in the memory file.</returns>
    /// <exception cref="HandOverException">The layout is not what the VMM has mapped and registered.</exception>
    public async Task<IReadOnlyList<(GuestRegion Region, long FileOffset)>> AdoptAsync(CancellationToken cancel)
    {
        using ReceivedDescriptor copy = handOver.Userfaultfd.Copy();
        _uffd = await vm.AdoptUserfaultAsync(
            new AdoptedUserfault
            {
                // Until it is served, what becomes of a guest that is refused is decided by the descriptor that was handed over.
                Descriptor = copy.Take(),
                IsOfOtherProcess = true,
                ProcessId = handOver.Peer.Id == 0 ? null : handOver.Peer.Id,
                Journal = handOver.Journal,
            },
            cancel);
        List<(GuestRegion Region, long FileOffset)> filledAhead = [];
        IReadOnlyList<RegionPlan> plans = RegionPlan.Of(handOver);
        for (int number = 0; number < plans.Count; number++)
        {
            RegionPlan plan = plans[number];
            AdoptedMemory memory = MemoryOf(plan, number, isServed: handOver.IsTakenBack);
            GuestRegion region = await vm.AdoptMemoryAsync(memory with { RegisteredAs = handOver.RegisteredAs[number] }, cancel);
            handOver.RegisteredAs[number] = await RegisterAsync(region, plan.Region, plan.Modes, cancel);
            TracksWrites |= (plan.Modes & RegisterModes.WriteProtect) != 0;
            // Through the memory's file a page would be written over that the guest has already.
            if (plan.File is null) filledAhead.Add((region, plan.Region.FileOffset));
        }

        return filledAhead;
    }

    /// <summary>Begins to serve the regions.</summary>
    /// <param name="touched">Notes which pages the guest asks for; null if that is not recorded.</param>
    /// <param name="cancel">Cancels it.</param>
    public async Task ServeAsync(TouchedPages? touched, CancellationToken cancel)
    {
        HandOverMessage message = handOver.Message;
        _source = new GuestSource(
            content, [.. message.Regions.Select(r => r.FileOffset)], message.Bytes >> PageSize.BaseShift, touched,
            () => Userfault.Outstanding);
        await Userfault.ServeAsync(new ServeOptions { Source = _source, MaxOutstanding = options.MaxFaults }, cancel);
    }

    /// <summary>Adds a region while the guest is served.</summary>
    /// <exception cref="HandOverException">It does not fit the others or the content, or is not what the VMM has registered.</exception>
    public async Task AddAsync(HandedRegion handed, CancellationToken cancel)
    {
        await _adding.WaitAsync(cancel);
        try
        {
            IReadOnlyList<HandedRegion> all = LayoutReader.Layout([.. handOver.Message.Regions, handed]);
            SessionContent.ThrowIfShort(handOver.Message with { Regions = all }, content, options.MemoryPath);
            RegionPlan plan = RegionPlan.Of(handOver, handed, all.Count - 1);
            long pages = handed.Bytes >> PageSize.BaseShift;
            options.Keep?.Add(handed);
            Source.Add(handed.FileOffset, pages);
            GuestRegion? region = null;
            UffdIoctls ioctls;
            try
            {
                region = await vm.AdoptMemoryAsync(MemoryOf(plan, all.Count - 1, isServed: false), cancel);
                ioctls = await RegisterAsync(region, handed, plan.Modes, cancel);
            }
            catch when (region is null)
            {
                Source.DropLast(pages);
                throw;
            }

            TracksWrites |= (plan.Modes & RegisterModes.WriteProtect) != 0;
            handOver.Add(handed, ioctls);
            // From here on a successor knows of it; the VMM is answered behind this.
            options.Keep?.Update(handOver);
        }
        finally
        {
            _ = _adding.Release();
        }
    }

    /// <summary>Fills all pages of all regions, and waits for that; cancelled, it stops filling.</summary>
    public async Task FillAsync(CancellationToken cancel)
    {
        List<BackgroundPush> pushes = [];
        try
        {
            foreach (GuestRegion region in vm.Regions) pushes.Add(await Userfault.PushAsync(region, Source, cancel));
            foreach (BackgroundPush push in pushes) await push.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            foreach (BackgroundPush push in pushes) await push.StopAsync(CancellationToken.None);
            throw;
        }
    }

    // Where content goes in through the memory's file, a successor has to know what did.
    private AdoptedMemory MemoryOf(RegionPlan plan, int number, bool isServed)
    {
        WrittenJournal? written = plan.File is null ? null : options.Keep?.Written(plan.Region, number, isServed);
        return plan.Memory() with { Written = written };
    }

    private async Task<UffdIoctls> RegisterAsync(GuestRegion region, HandedRegion handed, RegisterModes modes, CancellationToken cancel)
    {
        UffdIoctls ioctls;
        try
        {
            ioctls = await Userfault.RegisterAsync(region, modes, cancel);
        }
        catch (UffdException e)
        {
            if (handOver.Peer.HasEnded) throw new HandOverException("The VMM has ended before its guest could be served.", e);
            throw new HandOverException(
                $"Region {region.Id} of the layout (0x{handed.Address:x}, {handed.Bytes} bytes, pages of {handed.PageBytes}) is not "
                    + $"what the VMM has registered there: {e.Message.TrimEnd('.')}.",
                e);
        }

        // Pages of zeros are there for base pages alone.
        if (handed.PageBytes == PageSize.Base && (ioctls & UffdIoctls.ZeroPage) == 0)
            throw new HandOverException(
                $"Region {region.Id} of the layout has huge pages, and the message does not say so (page_size, in bytes).");
        return ioctls;
    }
}
