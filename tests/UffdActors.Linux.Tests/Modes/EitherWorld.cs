using System.Runtime.InteropServices;
using Akka.Configuration;
using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// A VM in the model of Linux 6.18 or on the real kernel, and one userfaultfd of it. What a test sees of it is named by the real kernel's
/// names: so one test says of both worlds that they show the same.
/// </summary>
internal sealed class EitherWorld : IAsyncDisposable
{
    private readonly UffdRuntime _runtime;
    private readonly GuestReader _reader;

    private EitherWorld(UffdRuntime runtime, UffdVm vm, Userfault uffd)
    {
        _runtime = runtime;
        Vm = vm;
        Uffd = uffd;
        _reader = vm.NewReader();
    }

    /// <summary>Both; for tests that hold in each.</summary>
    public static TheoryData<string> Names => ["model", "live"];

    public UffdRuntime Runtime => _runtime;

    public UffdVm Vm { get; }

    public Userfault Uffd { get; }

    public bool IsLive => Vm.Kernel is LiveKernel;

    public static async Task<EitherWorld> StartAsync(
        string world, UffdFeatures features = UffdFeatures.None, bool hasSwap = false, IHandlerProbe? probe = null, Config? config = null,
        Action<FaultTrace>? observer = null)
    {
        if (world == "live") ThisKernel.Require();
        UffdRuntime runtime = UffdRuntime.Start((config ?? Config.Empty).WithFallback(UffdSettings.Profile(world)));
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = 8192,
                HugePages = 8,
                Profile = KernelProfile.Linux618 with { Swap = hasSwap },
                Probe = probe,
                FaultObserver = observer,
            });
        return new EitherWorld(runtime, vm, await vm.OpenAsync(features));
    }

    public Task<GuestRegion> MapAsync(int pages, string? module = null, bool withAlias = false) =>
        Vm.MapAsync(new RegionOptions { Pages = pages, Module = module, WithAlias = withAlias });

    public async Task<GuestRegion> RegisterAsync(int pages, RegisterModes modes, string? module = null)
    {
        GuestRegion region = await MapAsync(pages, module, withAlias: (modes & RegisterModes.Minor) != 0);
        _ = await Uffd.RegisterAsync(region, modes);
        return region;
    }

    /// <summary>A vCPU writes its lane of pages, one after another, and is through.</summary>
    public async Task WriteAsync(GuestRegion region, params long[] pages)
    {
        VcpuGroup vcpu = await StartAsync(region, isWrite: true, pages);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Null(vcpu.Error);
    }

    /// <summary>A vCPU begins to read or write pages.</summary>
    public Task<VcpuGroup> StartAsync(GuestRegion region, bool isWrite, params long[] pages) =>
        Vm.StartVcpusAsync([new Steps([.. pages.Select(p => new GuestStep(region.Id, p, isWrite))])]);

    /// <summary>Waits until a fault or an event is to be read, by nobody.</summary>
    public async Task MessageAsync()
    {
        long deadline = Environment.TickCount64 + (long)LiveScene.Deadline.TotalMilliseconds;
        while (!Uffd.Kernel.Descriptor.HasMessages)
        {
            Assert.True(Environment.TickCount64 < deadline, "No message came.");
            await Task.Yield();
        }
    }

    /// <summary>A system call reads the first byte of a page: nothing, or EFAULT.</summary>
    public Task<Errno> ReadInKernelAsync(GuestRegion region, long page)
    {
        ulong address = region.AddressOf(page);
        if (IsLive) return KernelRead.Start(address).WaitAsync(LiveScene.Deadline);
        ModelKernel kernel = (ModelKernel)Vm.Kernel;
        Access access = new(kernel.Main);
        access.Begin(address, AccessKind.Read | AccessKind.Kernel);
        return kernel.TryCallAsync("write", access, a => a.Outcome == AccessOutcome.Ok ? Errno.None : Errno.EFAULT, CancellationToken.None)
            .WaitAsync(LiveScene.Deadline);
    }

    /// <summary>Pages out what there is of a region.</summary>
    public async Task PageOutAsync(GuestRegion region)
    {
        if (Vm.Kernel is LiveKernel kernel)
        {
            // The kernel pages out what is on its lists, and each CPU keeps the pages that it has mapped last back from them until it is
            // called there.
            GuestMemory memory = kernel.MemoryOf(region).Here;
            foreach (int cpu in ThreadPlacement.AllowedCpus())
                await OnCpuAsync(cpu, () => memory.Advise(0, memory.Bytes, MemoryAdvice.PageOut));
        }

        await Vm.AdviseAsync(region, 0, region.Pages, Advice.PageOut);
    }

    private static Task OnCpuAsync(int cpu, Action action)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(Work) { IsBackground = true }.Start();
        return done.Task;

        void Work()
        {
            ThreadPlacement.BindTo(cpu);
            action();
            done.SetResult();
        }
    }
    /// <summary>The next incident.</summary>
    public Task<Incident> IncidentAsync() => Vm.Incidents.ReadOtherAsync();

    /// <summary>A word of a page that is there; null if it is not.</summary>
    public ulong? Word(GuestRegion region, long page, int offset = 0)
    {
        byte[] bytes = new byte[PageSize.Base];
        return _reader.TryRead(region, page, bytes) ? MemoryMarshal.Read<ulong>(bytes.AsSpan(offset)) : null;
    }

    /// <summary>The page table's entries of a region, as <c>/proc/PID/pagemap</c> shows them, but for what is a file's.</summary>
    public PagemapFlags[] Entries(GuestRegion region)
    {
        PagemapFlags[] entries = new PagemapFlags[region.Pages];
        if (Vm.Kernel is ModelKernel model)
        {
            long first = PageSize.PageOf(region.Address);
            for (int i = 0; i < entries.Length; i++) entries[i] = FlagsOf(model.AddressSpace.EntryAt(first + i));
        }
        else
        {
            ((LiveKernel)Vm.Kernel).Pagemap.Read(region.Address, entries);
            foreach (ref PagemapFlags entry in entries.AsSpan()) entry &= ~PagemapFlags.FilePage;
        }

        return entries;
    }

    /// <summary>Addresses of a few pages' entries with the same state.</summary>
    public IEnumerable<int> PagesWith(GuestRegion region, PagemapFlags state) =>
        Entries(region).Select((entry, page) => (entry, page)).Where(e => e.entry == state).Select(e => e.page);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Vm.DisposeAsync();
            await _runtime.DisposeAsync();
        }
        catch (TimeoutException) when (_runtime.Settings.CloseTimeout < LiveScene.Deadline)
        {
            // A test that has made closing impatient does not assert that this machine is fast.
        }
    }

    private static PagemapFlags FlagsOf(Entry entry)
    {
        PagemapFlags flags = entry.Kind switch
        {
            EntryKind.None => PagemapFlags.None,
            EntryKind.WpMarker => PagemapFlags.Swap | PagemapFlags.UffdWp,
            EntryKind.Poison => PagemapFlags.Swap,
            _ when entry.IsSwapped => PagemapFlags.Swap,
            _ => PagemapFlags.Present,
        };
        return entry.IsWp ? flags | PagemapFlags.UffdWp : flags;
    }
}
