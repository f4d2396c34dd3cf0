using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Modules;

namespace UffdActors.Worlds;

/// <summary>A machine of the model under a VM. Every call is a call of the VM's main thread in it.</summary>
internal sealed class ModelKernel : VmKernel
{
    // Regions lie apart, so that growing or losing one never touches another.
    private const ulong FirstAddress = 0x1000_0000_0000;
    private const ulong RegionAlignment = 1UL << 30;

    // New pages cost their zeros, some 0.6 ms a MiB.
    private const ulong PopulatedAtOnce = 2 << 20;

    private readonly VmRoot _vm;
    private readonly Machine _machine;
    private readonly AddressSpace _mm;
    private readonly Caller _main;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, MemoryFile> _files = [];
    private readonly HashSet<MemoryFile> _owned = [];
    private ulong _nextAddress = FirstAddress;
    private int _nextThread = 1;
    private int _nextContext;

    public ModelKernel(VmRoot vm, Machine machine)
    {
        _vm = vm;
        _machine = machine;
        _mm = new AddressSpace(machine);
        _main = new Caller(_mm);
    }

    /// <summary>The kernel that the model behaves like.</summary>
    public KernelProfile Profile => _machine.Profile;

    /// <inheritdoc />
    public override ContentKind Content => _machine.Content;

    /// <inheritdoc />
    public override string Name => _machine.Profile.Name;

    /// <inheritdoc />
    public override int? VcpuCpu => null;

    /// <inheritdoc />
    public override bool GuestSurvivesPoison => true;

    /// <inheritdoc />
    public override bool HasSwap => _machine.Profile.Swap;

    /// <inheritdoc />
    public override long BookkeepingBytes
    {
        get
        {
            lock (_gate) return _mm.BookkeepingBytes + _owned.Sum(f => f.BookkeepingBytes) + _machine.BaseFolios.BookkeepingBytes;
        }
    }

    /// <summary>Kernel and physical memory.</summary>
    public Machine Machine => _machine;

    /// <summary>The address space.</summary>
    public AddressSpace AddressSpace => _mm;

    /// <summary>Comes after every part of an alias that is allocated, while the ring is free; for tests.</summary>
    public Func<Task>? AfterSlice { get; set; }

    /// <summary>The thread that makes the embedder's calls.</summary>
    public Caller Main => _main;

    /// <summary>The file that a region maps; null for anonymous memory.</summary>
    public MemoryFile? FileOf(GuestRegion region)
    {
        lock (_gate) return _files.GetValueOrDefault(region.Address);
    }

    /// <inheritdoc />
    public override void PrefaultMemory(long pages, CancellationToken cancel)
    {
        foreach (FolioStore store in new[] { _machine.BaseFolios, _machine.HugeFolios })
        {
            if (store is ByteFolios folios) folios.Prefault(pages, cancel);
        }
    }

    /// <inheritdoc />
    public override Task StartAsync(CancellationToken cancel) => _vm.AttachAsync([_mm, _main], cancel);

    /// <inheritdoc />
    public override async Task<MappedMemory> MapAsync(RegionOptions options, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        MemoryModule? module = options.Module is { } name ? _vm.Modules.Find(name) : null;
        MemoryFile? file = module is null ? null : await ReturnedAsync(module, () => NewFile(module, options), cancel);
        Prot prot = module is null ? Prot.ReadWrite : await ReturnedAsync(module, () => DefaultProt(module), cancel);
        MapRequest request = new(prot, file, Shared: file is not null);
        List<Place> places = [];
        try
        {
            ulong address = await MapAsync(request, options.Pages, places, cancel);
            ulong alias = options.WithAlias ? await MapAsync(request, options.Pages, places, cancel) : 0;
            if (options.WithAlias && !options.LeavesAliasEmpty && !options.IsFilled) await PopulateAsync(places[^1], file!, cancel);
            if (file is not null)
            {
                lock (_gate) _files.Add(address, file);
            }

            return new MappedMemory(address, alias, 1 << (file?.PageShift ?? PageSize.BaseShift), IsReadOnly: request.Prot == Prot.Read);
        }
        catch (Exception e)
        {
            Task undone = UndoAsync(places, file);
            // A cancelled call does not wait: what has been issued ends first, and then what it has made is undone.
            if (e is not OperationCanceledException) await undone;
            throw;
        }
    }

    /// <inheritdoc />
    public override async Task UnmapAsync(GuestRegion region, PageRange pages, CancellationToken cancel)
    {
        UnmapMemory unmap = new(_main, region.AddressOf(pages.Start), (ulong)pages.Count << PageSize.BaseShift);
        _ = await _vm.OrFailed(Issue(unmap, cancel));
        if (unmap.Error != Errno.None) throw new UffdException("munmap", unmap.Error, KernelErrors.Explain("munmap", unmap.Error));
    }

    /// <inheritdoc />
    public override async Task UnmapAliasAsync(GuestRegion region)
    {
        if (region.AliasAddress != 0) await UnmapAsync(region.AliasAddress, region.Bytes);
        if (FileOf(region) is not { } file) return;
        // Nothing else has the file: what it held goes back, and may be another region's next.
        long slice = RangeSlices.BytesFor(file.Bytes);
        for (long left = file.Bytes; left > 0;)
        {
            left = Math.Max(0, left - slice) / slice * slice;
            await CallAsync("munmap", new ReleaseFile(_main, file, left), c => c.Error, CancellationToken.None);
        }
    }

    /// <inheritdoc />
    public override Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, Action ended, CancellationToken cancel)
    {
        ulong start = region.Address + ((ulong)firstPage << PageSize.BaseShift);
        AdviseMemory call = new(_main, start, (ulong)pages << PageSize.BaseShift, advice);
        return CallAsync("madvise", call, c => ErrorOf(c, ended), cancel, error => KernelErrors.ExplainAdvice(advice, error, region));

        // Asked once, at the end of the call, also if its caller has stopped waiting.
        static Errno ErrorOf(AdviseMemory call, Action ended)
        {
            ended();
            return call.Error;
        }
    }

    /// <inheritdoc />
    public override async Task<KernelUserfault> OpenAsync(UffdFeatures features, CancellationToken cancel)
    {
        const UffdOpenFlags Flags = UffdOpenFlags.NonBlock | UffdOpenFlags.CloseOnExec;
        if (UserfaultContext.CheckOpen(_machine.Profile, (ulong)Flags) is var refused and not Errno.None)
            throw new UffdException(
                "userfaultfd", refused,
                "faults of system calls are for the privileged; set uffd.kernel.privileged or uffd.kernel.unprivileged-userfaultfd to on.");
        UserfaultContext context = new(_mm, Flags, Interlocked.Increment(ref _nextContext) - 1);
        await _vm.AttachAsync([context], cancel);
        Handshake handshake = new(_main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features });
        await CallAsync(
            "UFFDIO_API", handshake, c => c.Error, cancel, error => KernelErrors.ExplainHandshake(features, Profile.Features, error));
        return new ModelUserfault(this, context, _vm.Context);
    }

    /// <inheritdoc />
    public override VcpuThread NewVcpu() => new ModelVcpu(NewThread());

    /// <inheritdoc />
    public override GuestReader NewReader() => new ModelReader(_vm, NewThread());

    /// <inheritdoc />
    public override bool Uses(MemoryModule module) => _mm.Uses(module);

    /// <inheritdoc />
    public override void HaltGuest()
    {
        // A vCPU of the model is its actor: stopping that is enough.
    }

    /// <inheritdoc />
    public override Task FreeAsync(TimeSpan timeout)
    {
        _mm.Dispose();
        foreach (MemoryFile file in _owned) file.Dispose();
        _machine.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Makes a thread of the process.</summary>
    public Caller NewThread() => new(_mm, Interlocked.Increment(ref _nextThread));

    /// <summary>Makes a call of the main thread, and waits for its end.</summary>
    /// <exception cref="UffdException">It fails.</exception>
    public async Task CallAsync<T>(
        string name, T call, Func<T, Errno> errorOf, CancellationToken cancel, Func<Errno, string?>? explain = null)
        where T : Operation
    {
        Errno error = await TryCallAsync(name, call, errorOf, cancel);
        if (error != Errno.None) throw new UffdException(name, error, explain?.Invoke(error) ?? KernelErrors.Explain(name, error));
    }

    /// <summary>Makes a call of the main thread, and waits for its end.</summary>
    /// <returns>Its errno.</returns>
    public async Task<Errno> TryCallAsync<T>(string name, T call, Func<T, Errno> errorOf, CancellationToken cancel)
        where T : Operation
    {
        cancel.ThrowIfCancellationRequested();
        Task<Operation> done = Issue(call, cancel);
        try
        {
            _ = await _vm.OrFailed(done.WaitAsync(cancel));
        }
        catch (OperationCanceledException) when (!done.IsCanceled)
        {
            // Cancelling ends the wait, not the call: what the kernel has begun it finishes, and that is reported.
            _ = ReportLateAsync(name, call, errorOf, done);
            throw;
        }

        return errorOf(call);
    }

    /// <summary>Makes a call of the main thread, unless it is cancelled before its turn.</summary>
    private Task<Operation> Issue(Operation call, CancellationToken cancel)
    {
        TaskCompletionSource<Operation> done = _vm.NewCompletion<Operation>();
        ((ActorPort)_main.Port).Self.Tell(new VmProtocol.Call(call, done, cancel));
        return done.Task;
    }

    private async Task ReportLateAsync<T>(string name, T call, Func<T, Errno> errorOf, Task<Operation> done)
        where T : Operation
    {
        try
        {
            _ = await _vm.OrFailed(done);
            Errno error = errorOf(call);
            string outcome = error == Errno.None ? "succeeded" : $"failed with {error}";
            _vm.Context.Incidents.Report(
                new Incident(IncidentKind.CancelledCallEnded, $"{name} was cancelled after it had been issued, and has {outcome}."));
        }
        catch (VmFailedException)
        {
            // Reported as such.
        }
    }

    private MemoryFile NewFile(MemoryModule module, RegionOptions options)
    {
        RegionOptions.ThrowIfNotWhole(options, 1L << module.Facts.PageShift);
        MemoryFile file = ModuleMembers.NewFile(module, _machine, options.Pages << PageSize.BaseShift);
        try
        {
            lock (_gate)
            {
                if (module.Facts.PageShift != PageSize.BaseShift && file.Store.HasIdentity) ThrowIfNotPromised(file);
                _ = _owned.Add(file);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return file;
    }

    // Huge pages are promised to a mapping when it is made, so that no touch of it meets an empty pool.
    private void ThrowIfNotPromised(MemoryFile file)
    {
        long pool = file.Store == _machine.HugeFolios ? _machine.Profile.HugePages : 0;
        long promised = _owned.Where(f => f.Store == file.Store).Sum(f => Math.Max(0, f.EndIndex - f.Pages));
        long free = Math.Max(0, pool - file.Store.InUse - promised);
        if (file.EndIndex > free)
        {
            throw new UffdException(
                "mmap",
                Errno.ENOMEM,
                $"{file.EndIndex} huge pages are needed, and {free} are free and not promised to others. Give the model more: "
                    + $"{nameof(VmOptions)}.{nameof(VmOptions.HugePages)} or uffd.kernel.huge-pages");
        }
    }

    /// <summary>Maps memory at a place of its own, which is noted before it is.</summary>
    private async Task<ulong> MapAsync(MapRequest request, long pages, List<Place> places, CancellationToken cancel)
    {
        Place place = TakePlace((ulong)pages << PageSize.BaseShift);
        places.Add(place);
        await CallAsync("mmap", new MapMemory(_main, place.Address, place.Bytes, request), c => c.Error, cancel);
        return place.Address;
    }

    // The turns of one call follow each other in one run of the mapping's actor, so that each is a call of its own.
    private async Task PopulateAsync(Place alias, MemoryFile file, CancellationToken cancel)
    {
        for (ulong done = 0; done < alias.Bytes; done += PopulatedAtOnce)
        {
            await CallAsync(
                "madvise(MADV_POPULATE_WRITE)",
                new PopulateMemory(_main, PageRange.OfBytes(alias.Address + done, Math.Min(PopulatedAtOnce, alias.Bytes - done))),
                c => c.Error,
                cancel,
                error => error != Errno.ENOMEM ? null : file.PageShift == PageSize.BaseShift
                    ? $"the VM's physical memory is used up by the {alias.Bytes >> PageSize.BaseShift} pages of the alias; give it more: "
                        + $"{nameof(VmOptions)}.{nameof(VmOptions.MemoryPages)}"
                    : "the pool of huge pages is empty");
            if (AfterSlice is { } probe) await probe();
        }
    }

    private async Task UnmapAsync(ulong address, ulong bytes)
    {
        ulong slice = (ulong)RangeSlices.BytesFor((long)bytes);
        for (ulong done = 0; done < bytes; done += slice)
        {
            UnmapMemory part = new(_main, address + done, Math.Min(slice, bytes - done));
            await CallAsync("munmap", part, c => c.Error, CancellationToken.None);
        }
    }

    /// <summary>Takes a mapping back that was not made in full.</summary>
    private async Task UndoAsync(List<Place> places, MemoryFile? file)
    {
        try
        {
            foreach (Place place in places) await UnmapAsync(place.Address, place.Bytes);
        }
        catch (Exception e) when (e is VmFailedException or TimeoutException)
        {
            // Then it goes with the VM.
            return;
        }

        lock (_gate)
        {
            for (int i = places.Count - 1; i >= 0 && places[i].Next == _nextAddress; i--) _nextAddress = places[i].Address;
            if (file is null || !_owned.Remove(file)) return;
        }

        file.Dispose();
    }

    private Place TakePlace(ulong bytes)
    {
        lock (_gate)
        {
            ulong address = _nextAddress;
            if (address >= PageSize.TaskSize || bytes > PageSize.TaskSize - address)
                throw new UffdException("mmap", Errno.ENOMEM, KernelErrors.NoRoomFor(bytes));
            _nextAddress = ((address + bytes + RegionAlignment - 1) & ~(RegionAlignment - 1)) + RegionAlignment;
            return new Place(address, bytes, _nextAddress);
        }
    }

    // Outside of any turn. On virtual time there is one thread.
    private async Task<T> ReturnedAsync<T>(MemoryModule module, Func<T> call, CancellationToken cancel)
    {
        if (module.Facts.IsOfCore || _vm.Settings.IsStepped) return call();
        try
        {
            return await Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .WaitAsync(ModuleCall.Patience, cancel);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(ModuleCall.NotReturned($"Module \"{module.Facts.Name}\", making a file,", ModuleCall.Patience), e);
        }
    }

    // A module that refuses writable mappings gets the protection that it allows.
    private Prot DefaultProt(MemoryModule module) =>
        module.TryCheckProtection(_machine, Prot.ReadWrite, shared: true) == Errno.None ? Prot.ReadWrite : Prot.Read;

    /// <summary>Where a mapping is, and where the next one will be.</summary>
    private readonly record struct Place(ulong Address, ulong Bytes, ulong Next);
}
