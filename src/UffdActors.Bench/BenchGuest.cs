using UffdActors.Model;
using UffdActors.Model.Operations.Files;
using UffdActors.Worlds;

namespace UffdActors.Bench;

/// <summary>A VM that is ready to be measured: memory touched, descriptor registered and served, no page there.</summary>
internal sealed class BenchGuest : IAsyncDisposable
{
    // The same time stamps as in a runtime in use.
    private const int SampleEvery = 64;

    private readonly UffdVm _vm;
    private readonly Userfault _userfault;
    private readonly GuestRegion _region;
    private readonly FirstTouch[] _work;
    private readonly IContentCheck _check;

    private BenchGuest(UffdVm vm, Userfault userfault, GuestRegion region, FirstTouch[] work, IContentCheck check)
    {
        _vm = vm;
        _userfault = userfault;
        _region = region;
        _work = work;
        _check = check;
    }

    /// <summary>Native bytes of bookkeeping.</summary>
    public long NativeBytes => _vm.BookkeepingBytes;

    /// <summary>Dispatcher of the VM's ring.</summary>
    public string DispatcherId => _vm.Context.DispatcherId;

    /// <summary>Makes a VM.</summary>
    /// <param name="runtime">Runtime.</param>
    /// <param name="options">Content, mode, pages.</param>
    /// <param name="vcpus">vCPUs.</param>
    /// <param name="cpu">CPU of its fault loop; null for any.</param>
    /// <param name="source">Where pages come from.</param>
    /// <param name="cancel">Cancels it.</param>
    public static async Task<BenchGuest> PrepareAsync(
        UffdRuntime runtime, FaultBenchOptions options, int vcpus, int? cpu, IPageSource source, CancellationToken cancel)
    {
        bool minor = options.Mode == BenchMode.Minor;
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = options.Pages + 16,
                Content = options.Content == BenchContent.Phantom ? ContentKind.Stamps : ContentKind.Bytes,
                Cpu = cpu,
            },
            cancel);
        vm.PrefaultMemory(cancellationToken: cancel);
        GuestRegion region =
            await vm.MapAsync(new RegionOptions { Pages = options.Pages, Module = minor ? "shmem" : null, IsFilled = minor }, cancel);
        if (minor)
        {
            var kernel = (ModelKernel)vm.Kernel;
            await kernel.CallAsync(
                "fallocate", new AllocateFile(kernel.Main, kernel.FileOf(region)!, 0, (long)region.Bytes), c => c.Error, cancel);
        }

        Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
        _ = await userfault.RegisterAsync(region, minor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
        await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
        IContentCheck check = minor ? new ZeroCheck() : source as IContentCheck ?? new StampCheck();
        return new BenchGuest(vm, userfault, region, FirstTouch.Share(options.Pages, vcpus), check);
    }

    /// <summary>Touches every page once.</summary>
    /// <param name="check">Compare what is read; takes time, so not where time is measured.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">Not every page was one fault.</exception>
    public async Task<FaultRun> RunAsync(bool check, CancellationToken cancel)
    {
        VcpuGroup vcpus = await _vm.StartVcpusAsync(_work, SampleEvery, check ? _check : null, cancel);
        await vcpus.WaitAsync(cancel);
        if (vcpus.Error is { } error) throw new BenchException($"A vCPU of the guest failed: {error}.");
        long received = _userfault.ReceivedOf(_region).Count;
        if (vcpus.Faults != _region.Pages || received != _region.Pages)
            throw new BenchException($"{vcpus.Faults} faults filled {received} of {_region.Pages} pages; each page must be one fault.");
        return new FaultRun(vcpus.Faults, _work.Min(w => w.Began), _work.Max(w => w.Ended));
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _vm.DisposeAsync();
}
