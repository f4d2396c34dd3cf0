using System.Security.Cryptography;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>The destination's VM: mapped, registered and served before the guest's state arrives, so that the downtime is short.</summary>
internal sealed class DestinationMemory : IAsyncDisposable
{
    private readonly bool _givesPagesBack;

    private DestinationMemory(
        UffdVm vm, Userfault userfault, WireSource source, CopiedPages copied, Offer offer, bool givesPagesBack)
    {
        _givesPagesBack = givesPagesBack;
        Vm = vm;
        Userfault = userfault;
        Source = source;
        Copied = copied;
        Offer = offer;
    }

    public UffdVm Vm { get; }

    public Userfault Userfault { get; }

    public WireSource Source { get; }

    public CopiedPages Copied { get; }

    /// <summary>What it was made for.</summary>
    public Offer Offer { get; }

    /// <summary>Makes it.</summary>
    /// <exception cref="MigrationException">The offered regions are not whole pages of this memory.</exception>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    public static async Task<DestinationMemory> MakeAsync(
        UffdRuntime runtime, MigrationDestinationOptions options, Offer offer, IDestinationGuest guest, CancellationToken cancel)
    {
        int unit = PostCopyMigration.PageBytesOf(runtime, options.Backend) >> PageSize.BaseShift;
        long pages = offer.Regions.Sum();
        if (offer.Regions.FirstOrDefault(r => r % unit != 0) is > 0 and var odd)
            throw new MigrationException(
                $"a region of {odd << PageSize.BaseShift} bytes is not whole pages of {unit << PageSize.BaseShift} bytes; choose another "
                    + "--backend at the destination");
        // A guest that does not fit is refused before anything is allocated.
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (pages > available >> PageSize.BaseShift)
            throw new MigrationException(
                $"a guest of {pages << PageSize.BaseShift} bytes does not fit into this machine, which has {available} bytes");
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = (unit == 1 ? pages : 0) + 16,
                HugePages = unit == 1 ? null : pages / unit,
                Profile = options.Profile,
                Content = ContentKind.Bytes,
                IncidentObserver = options.IncidentObserver,
                FaultObserver = options.FaultObserver,
                StopGuest = guest.AbortAsync,
            },
            cancel);
        try
        {
            bool isMinor = options.Mode == PostCopyMode.Minor;
            bool alias = isMinor && options.Backend is { } name && !runtime.Modules.IsReadOnly(name);
            // A page comes into the cache with its content, where a hole raises a fault. Huge pages are in their pool in any case.
            bool isEmpty = alias && unit == 1 && (runtime.Modules.FeaturesOf(options.Backend!) & RegisterModes.Missing) != 0;
            RegisterModes modes = !isMinor ? RegisterModes.Missing
                : isEmpty ? RegisterModes.Missing | RegisterModes.Minor
                : RegisterModes.Minor;
            List<GuestRegion> regions = [];
            foreach (long size in offer.Regions)
                regions.Add(
                    await vm.MapAsync(
                        new RegionOptions { Pages = size, Module = options.Backend, WithAlias = alias, LeavesAliasEmpty = isEmpty },
                        cancel));
            Userfault userfault = await vm.OpenAsync(
                guest.GivesPagesBack ? UffdFeatures.EventRemove : UffdFeatures.None, cancel);
            foreach (GuestRegion region in regions)
            {
                _ = await userfault.RegisterAsync(region, modes, cancel);
                if (options.RecordWorkingSet) userfault.RecordWorkingSet(region);
            }

            CopiedPages copied = new(offer.Regions);
            WireSource source = new(copied);
            await userfault.ServeAsync(
                new ServeOptions
                {
                    Source = source,
                    Handlers = options.Handlers,
                    SourceActor = true,
                    ThreadFaultObserver = options.ThreadFaultObserver,
                    SourcePatience = Timeout.InfiniteTimeSpan,
                },
                cancel);
            return new DestinationMemory(vm, userfault, source, copied, offer, guest.GivesPagesBack);
        }
        catch
        {
            await vm.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// SHA-256 over all regions, and how many of their pages are absent. Those that the guest has given back are zeros, and so are those of
    /// zeros that were left without memory.
    /// </summary>
    public async Task<(byte[] Hash, long Missing)> HashAsync(CancellationToken cancel)
    {
        HashSet<(int Region, long Page)> removed = [];
        foreach (GuestRegion region in _givesPagesBack ? Vm.Regions : [])
        {
            foreach (PageStateRange range in await Userfault.PageStatesAsync(region, 0, region.Pages, cancel))
            {
                for (long page = 0; range.State == PageState.Removed && page < range.Pages; page++)
                    _ = removed.Add((region.Id, range.FirstPage + page));
            }
        }

        return await Task.Run(() => Hash(removed, cancel), cancel);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await Vm.DisposeAsync();
        Source.Dispose();
        Copied.Dispose();
    }

    private (byte[] Hash, long Missing) Hash(HashSet<(int Region, long Page)> removed, CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        GuestReader reader = Vm.NewReader();
        byte[] bytes = new byte[PageSize.Base];
        long missing = 0;
        foreach (GuestRegion region in Vm.Regions)
        {
            for (long page = 0; page < region.Pages; page++)
            {
                cancel.ThrowIfCancellationRequested();
                if (!reader.TryRead(region, page, bytes))
                {
                    if (!removed.Contains((region.Id, page)) && Userfault.NotedStateOf(region, page) != PageState.Zero) missing++;
                    Array.Clear(bytes);
                }

                hash.AppendData(bytes);
            }
        }

        return (hash.GetHashAndReset(), missing);
    }
}
