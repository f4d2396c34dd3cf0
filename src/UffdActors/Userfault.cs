using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.PageSources;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// A userfaultfd, and what serves it: registered regions, handlers, background push. Safe for any thread, as <see cref="UffdVm"/> is.
/// </summary>
public sealed class Userfault
{
    private readonly UffdVm _vm;
    private readonly KernelUserfault _kernel;
    private readonly List<(GuestRegion Region, RegisterModes Modes, PageBitmap Received)> _registered = [];
    private (IPageSource Source, Akka.Actor.IActorRef Actor)? _source;
    private FaultReader? _reader;
    private readonly List<Akka.Actor.IActorRef> _pushes = [];
    private readonly Lock _gate = new();
    private int _closed;

    internal Userfault(UffdVm vm, KernelUserfault kernel)
    {
        _vm = vm;
        _kernel = kernel;
    }

    /// <summary>Faults that have been read so far.</summary>
    public long Faults => _reader?.Counters.Faults ?? 0;

    /// <summary>Pages that are being resolved now.</summary>
    public int Outstanding => _reader?.Outstanding ?? 0;

    internal FaultReader? Reader => _reader;

    internal KernelUserfault Kernel => _kernel;

    /// <summary>Registers a region.</summary>
    /// <returns>The ioctls that the kernel reports; not all of them need work (addendum C2).</returns>
    /// <exception cref="UffdException">The memory does not support the modes, or belongs to another userfaultfd.</exception>
    public async Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(region);
        _vm.ThrowIfClosed();
        // The reader must know the region before its first fault can come.
        PageBitmap received = new(region.Pages);
        if (_reader is { } reader) throw new InvalidOperationException($"Register every region before serving; {reader.View.Regions.Length} are being served.");
        UffdIoctls ioctls = await _kernel.RegisterAsync(region, modes, cancel);
        lock (_gate) _registered.Add((region, modes, received));
        return ioctls;
    }

    /// <summary>Starts to serve the faults of all registered regions: from here on every fault is resolved from the source.</summary>
    public async Task ServeAsync(ServeOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Handlers, 1);
        _vm.ThrowIfClosed();
        if (_reader is not null) throw new InvalidOperationException("The userfaultfd is being served already.");
        cancel.ThrowIfCancellationRequested();
        foreach ((GuestRegion region, _, _) in Registered())
        {
            if (region.PageBytes != PageSize.Base)
                throw new InvalidOperationException($"Region {region.Id} has pages of {region.PageBytes} bytes ({region.Module}); handlers fill pages of {PageSize.Base} bytes only.");
        }

        RegionView view = RegionView.Empty;
        foreach ((GuestRegion region, RegisterModes modes, PageBitmap received) in Registered()) view = view.With(Served(region, modes, received));
        HandlerSlot[] slots = [.. Enumerable.Range(0, options.Handlers).Select(i => new HandlerSlot(i, _kernel.NewMonitorThread()))];
        FaultReader reader = new(_kernel.Descriptor, slots, view, _vm.Context.Time, _vm.Settings.HandlerCrashLimit);
        Akka.Actor.IActorRef? source = options.SourceActor || !options.Source.AnswersAtOnce ? await _vm.StartSourceAsync(options.Source) : null;
        _kernel.Serve(reader);
        HandlerOptions[] handlers = [.. slots.Select(slot => new HandlerOptions(slot, reader, _kernel.Actor, options.Source, source))];
        await _vm.StartHandlersAsync(reader, _kernel.Actor, handlers);
        if (source is not null) _source = (options.Source, source);
        _reader = reader;
    }

    /// <summary>Starts the background push of a region: what nobody asks for is filled too, demand first.</summary>
    /// <returns>The push under way.</returns>
    public async Task<BackgroundPush> PushAsync(GuestRegion region, IPageSource source, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentNullException.ThrowIfNull(source);
        _vm.ThrowIfClosed();
        FaultReader reader = _reader ?? throw new InvalidOperationException("Serve the userfaultfd before pushing.");
        cancel.ThrowIfCancellationRequested();
        PageBitmap received = ReceivedOf(region);
        PushProgress progress = new(_vm.NewCompletion());
        // Demand and push meet in one mailbox, if they come from one source.
        Akka.Actor.IActorRef actor = _source is var (served, asked) && ReferenceEquals(served, source) ? asked : await _vm.StartSourceAsync(source);
        Akka.Actor.IActorRef push = await _vm.StartPushAsync(new PushOptions(reader, _kernel.Actor, _kernel.NewMonitorThread(), actor, region.Id, received, progress, _vm.Settings.PushChunkPages));
        lock (_gate) _pushes.Add(push);
        return new BackgroundPush(progress, received, _vm);
    }

    /// <summary>Pages of a region that have been filled.</summary>
    public PageBitmap ReceivedOf(GuestRegion region)
    {
        foreach ((GuestRegion known, _, PageBitmap received) in Registered())
        {
            if (known == region) return received;
        }

        throw new ArgumentException($"Region {region.Id} is not registered with this userfaultfd.", nameof(region));
    }

    /// <summary>Lets pages that had been given up (after crashes, or a failed source) be tried again.</summary>
    public void Recover()
    {
        _kernel.Actor.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
        foreach (Akka.Actor.IActorRef push in Pushes()) push.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
    }

    /// <summary>
    /// Gives up the pages that are absent. Closing turns them into zeros, and the guest must never see those: so the guest is stopped
    /// first, for good, then the push, and only then the userfaultfd is closed. Whoever waits for guest or push gets
    /// <see cref="VmFailedException"/>.
    /// </summary>
    public async Task AbandonAsync(CancellationToken cancel = default)
    {
        _vm.ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        await _vm.StopGuestAsync();
        await _vm.StopAsync(Pushes());
        await CloseForGoodAsync();
    }

    /// <summary>
    /// Closes the userfaultfd. Closing releases waiting threads into pages of zeros, so it is refused while pages of a served region are
    /// absent; <see cref="AbandonAsync"/> gives them up together with the guest.
    /// </summary>
    /// <exception cref="InvalidOperationException">Pages are absent.</exception>
    public async Task CloseAsync(CancellationToken cancel = default)
    {
        _vm.ThrowIfClosed();
        if (Volatile.Read(ref _closed) == 1) return;
        foreach ((GuestRegion region, _, PageBitmap received) in Registered())
        {
            if (_reader is not null && received.Count < received.Pages)
                throw new InvalidOperationException(
                    $"Region {region.Id} lacks {received.Pages - received.Count} of {received.Pages} pages; closing now would turn them into zeros. Finish the push, or abandon them together with the guest.");
        }

        cancel.ThrowIfCancellationRequested();
        // From here on it goes on to its end, whoever still waits for it.
        await CloseForGoodAsync().WaitAsync(cancel);
    }

    private (GuestRegion Region, RegisterModes Modes, PageBitmap Received)[] Registered()
    {
        lock (_gate) return [.. _registered];
    }

    private Akka.Actor.IActorRef[] Pushes()
    {
        lock (_gate) return [.. _pushes];
    }

    internal async Task CloseForGoodAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 1) return;
        await _kernel.CloseAsync(CancellationToken.None);
    }

    private static ServedRegion Served(GuestRegion region, RegisterModes modes, PageBitmap received)
    {
        PageRange range = PageRange.OfBytes(region.Address, region.Bytes);
        if ((modes & RegisterModes.Minor) == 0) return new ServedRegion(region.Id, range, range.Start, ResolveBy.Copy, received);
        return region.AliasAddress == 0
            ? new ServedRegion(region.Id, range, range.Start, ResolveBy.ContinueAsIs, received)
            : new ServedRegion(
                region.Id, range, range.Start, ResolveBy.Continue, received, new AliasPages(PageSize.PageOf(region.AliasAddress), region.Pages));
    }
}

/// <summary>A background push under way.</summary>
public sealed class BackgroundPush
{
    private readonly PushProgress _progress;
    private readonly PageBitmap _received;
    private readonly UffdVm _vm;

    internal BackgroundPush(PushProgress progress, PageBitmap received, UffdVm vm)
    {
        _progress = progress;
        _received = received;
        _vm = vm;
    }

    /// <summary>Pages of the region that are there, by push and by demand.</summary>
    public long ReceivedPages => _received.Count;

    /// <summary>Pages that the push has filled with content.</summary>
    public long Pages => _progress.Pages;

    /// <summary>Pages that the push has mapped as zeros.</summary>
    public long ZeroPages => _progress.ZeroPages;

    /// <summary>Ends when every page of the region is there.</summary>
    /// <exception cref="VmFailedException">The VM has failed.</exception>
    public Task WaitAsync(CancellationToken cancel = default) => _vm.OrFailed(_progress.Finished.Task.WaitAsync(cancel));
}
