using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Backends;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>What the facade documents as refused is refused in both worlds by the same exception, and leaves the VM as it was.</summary>
public sealed class RefusalTests
{
    private const int Pages = 4;

    private static readonly Dictionary<string, Refusal> Table = new()
    {
        ["map: no pages"] = Argument(vm => vm.MapAsync(0)),
        ["map: less than no pages"] = Argument(vm => vm.MapAsync(-1)),
        ["map: more bytes than can be counted"] = Argument(vm => vm.Vm.MapAsync(new RegionOptions { Pages = (1L << 52) + 1 })),
        ["map: a part of a huge page"] = Argument(vm => vm.MapAsync(513, "hugetlb"), "multiple of 512"),
        ["map: an alias of anonymous memory"] =
            Argument(vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1, WithAlias = true }), "WithAlias"),
        ["map: a module that there is not"] = new(typeof(ModuleException), vm => vm.MapAsync(1, "ramfs"),
            "There is no memory module \"ramfs\"; loaded are guest-memfd, hugetlb, shmem. Modules of the model are listed in "
                + "uffd.modules."),
        ["map: more than there are addresses"] =
            Kernel("mmap", Errno.ENOMEM, vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1L << 50 }), "that a process can map"),
        ["map: more shmem than there are addresses"] = Kernel(
            "mmap", Errno.ENOMEM, vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1L << 50, Module = "shmem", WithAlias = true }),
            "that a process can map"),
        ["map: more than lies in one piece"] = Kernel(
            "mmap", Errno.ENOMEM, vm => vm.Vm.MapAsync(new RegionOptions { Pages = (1L << 35) - (1L << 30) }),
            "not to be had in one piece"),
        ["map: an alias more than there is room for"] = Kernel(
            "mmap", Errno.ENOMEM, vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1L << 34, Module = "shmem", WithAlias = true }),
            "not to be had in one piece"),
        ["map: an alias more than there is memory for"] = Kernel(
            "madvise(MADV_POPULATE_WRITE)", Errno.ENOMEM,
            vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1L << 31, Module = "shmem", WithAlias = true }), "pages of the alias"),
        ["map: more huge pages than are free"] = Kernel(
            "mmap", Errno.ENOMEM, vm => vm.Vm.MapAsync(new RegionOptions { Pages = 1L << 30, Module = "hugetlb" }),
            "2097152 huge pages are needed, and "),
        ["advise: pages before the region"] = Argument(vm => vm.Vm.AdviseAsync(vm.Region, -1, 1, Advice.DontNeed)),
        ["advise: pages behind the region"] = Argument(vm => vm.Vm.AdviseAsync(vm.Region, 1, Pages, Advice.DontNeed)),
        ["advise: no pages"] = Argument(vm => vm.Vm.AdviseAsync(vm.Region, 0, 0, Advice.DontNeed)),
        ["advise: no advice"] = Argument(vm => vm.Vm.AdviseAsync(vm.Region, 0, 1, (Advice)77)),
        ["advise: a hole into anonymous memory"] =
            Kernel("madvise", Errno.EINVAL, vm => vm.Vm.AdviseAsync(vm.Region, 0, 1, Advice.Remove), "anonymous memory has none"),
        ["advise: MADV_FREE of a file"] = Kernel(
            "madvise", Errno.EINVAL, async vm => await vm.Vm.AdviseAsync(await vm.MapAsync(Pages, "shmem"), 0, 1, Advice.Free),
            "private anonymous memory", maps: 1),
        ["open: a feature that there is not"] =
            Kernel("UFFDIO_API", Errno.EINVAL, vm => vm.Vm.OpenAsync((UffdFeatures)(1UL << 40)), "does not offer 1099511627776"),
        ["register: a mode that the memory has not got"] = Kernel(
            "UFFDIO_REGISTER", Errno.EINVAL, vm => vm.Uffd.RegisterAsync(vm.Region, RegisterModes.Minor),
            "anonymous memory supports MISSING and WP"),
        ["register: a mode that the memory has not got, and one that it has"] =
            Kernel("UFFDIO_REGISTER", Errno.EINVAL, vm => vm.Uffd.RegisterAsync(vm.Region, RegisterModes.All), "not MINOR"),
        ["register: no mode"] =
            Kernel("UFFDIO_REGISTER", Errno.EINVAL, vm => vm.Uffd.RegisterAsync(vm.Region, RegisterModes.None), "no mode is asked for"),
        ["register: what is no mode"] =
            Kernel("UFFDIO_REGISTER", Errno.EINVAL, vm => vm.Uffd.RegisterAsync(vm.Region, (RegisterModes)9), "0x8 is no mode"),
        ["register: what belongs to another userfaultfd"] = Kernel(
            "UFFDIO_REGISTER", Errno.EBUSY, async vm => await (await vm.Vm.OpenAsync()).RegisterAsync(vm.Registered, RegisterModes.Missing),
            "belongs to another userfaultfd"),
        ["register: twice"] =
            State(vm => vm.Uffd.RegisterAsync(vm.Registered, RegisterModes.Missing), "registered with this userfaultfd already"),
        ["register: what is served"] =
            State(vm => vm.Served.RegisterAsync(vm.ServedRegion, RegisterModes.Missing), "registered with this userfaultfd already"),
        ["unregister: what is not registered"] = Argument(vm => vm.Uffd.UnregisterAsync(vm.Region), "is not registered"),
        ["unregister: what lacks pages"] = State(vm => vm.Served.UnregisterAsync(vm.ServedRegion), "lacks 4 of 4 pages"),
        ["unregister: a part that lacks pages"] = State(vm => vm.Served.UnregisterAsync(vm.ServedRegion, 1, 2), "lacks 2 of 2 pages"),
        ["unregister: pages behind the region"] = Argument(vm => vm.Uffd.UnregisterAsync(vm.Registered, 0, Pages + 1)),
        ["protect: what is not registered"] = Argument(vm => vm.Uffd.ProtectAsync(vm.Region, 0, 1), "is not registered"),
        ["protect: pages behind the region"] = Argument(vm => vm.Uffd.ProtectAsync(vm.Registered, 0, Pages + 1)),
        ["unprotect: pages before the region"] = Argument(vm => vm.Uffd.UnprotectAsync(vm.Registered, -1, 1)),
        ["take written: what is not registered"] = Argument(vm => vm.Uffd.TakeWrittenAsync(vm.Region, 0, 1), "is not registered"),
        ["take written: no pages"] = Argument(vm => vm.Uffd.TakeWrittenAsync(vm.Registered, 0, 0)),
        ["take written: what is not registered for it"] =
            Kernel("PAGEMAP_SCAN", Errno.EPERM, vm => vm.Uffd.TakeWrittenAsync(vm.Registered, 0, 1), "WP_ASYNC"),
        ["move: to what is not registered"] = Argument(vm => vm.Uffd.MoveAsync(vm.Region, 0, vm.Registered, 0, 1), "is not registered"),
        ["move: from behind the source"] = Argument(vm => vm.Uffd.MoveAsync(vm.Registered, 0, vm.Region, Pages, 1)),
        ["move: from what is served"] = State(vm => vm.Uffd.MoveAsync(vm.Registered, 0, vm.ServedRegion, 0, 1), "is being served"),
        ["poison: what is not registered"] = Argument(vm => vm.Uffd.PoisonAsync(vm.Region, 0, 1), "is not registered"),
        ["poison: pages behind the region"] = Argument(vm => vm.Uffd.PoisonAsync(vm.Registered, Pages, 1)),
        ["serve: no handlers"] = Argument(vm => vm.Uffd.ServeAsync(new ServeOptions { Source = vm.Source, Handlers = 0 })),
        ["serve: twice"] = State(vm => vm.Served.ServeAsync(new ServeOptions { Source = vm.Source }), "served already"),
        ["push: before it is served"] = State(vm => vm.Uffd.PushAsync(vm.Registered, vm.Source), "before pushing"),
        ["push: what is not registered"] = Argument(vm => vm.Served.PushAsync(vm.Region, vm.Source), "is not registered"),
        ["close: while pages are absent"] = State(vm => vm.Served.CloseAsync(), "lacks 4 of 4 pages"),
        ["vCPUs: none"] = Argument(vm => vm.Vm.StartVcpusAsync([])),
        ["vCPUs: sampled never"] = Argument(vm => vm.Vm.StartVcpusAsync([Steps.Reads(0)], sampleEvery: 0)),
        ["read: behind the region"] = Argument(vm => Task.FromResult(vm.Vm.NewReader().TryRead(vm.Region, Pages, new byte[8]))),
        ["received: what is not registered"] = Argument(vm => Task.FromResult(vm.Uffd.ReceivedOf(vm.Region)), "is not registered"),
    };

    public static TheoryData<string, string> Refusals
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (string name in Table.Keys) data.Add(world, name);
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Refusals))]
    public async Task A_call_that_is_refused_says_why_and_leaves_the_VM_as_it_was(string world, string name)
    {
        Refusal refusal = Table[name];
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        Scene scene = await Scene.OfAsync(vm, source);
        int regions = vm.Vm.Regions.Count;

        Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => refusal.Call(scene));

        Assert.True(refused.GetType().IsAssignableTo(refusal.Type), $"{refused}");
        Assert.Contains(refusal.Says, refused.Message, StringComparison.Ordinal);
        Assert.Equal(refusal.Kernel, refused is UffdException kernel ? (kernel.Call, kernel.Error) : null);
        Assert.Equal(regions + refusal.Maps, vm.Vm.Regions.Count);
        // Everything else works as before.
        Userfault other = await vm.Vm.OpenAsync();
        _ = await other.RegisterAsync(await vm.MapAsync(Pages, "shmem"), RegisterModes.Missing);
        await vm.WriteAsync(scene.Region, 0, 3);
        Assert.False(vm.Vm.Failed.IsCompleted);
        await scene.Served.AbandonAsync();
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task After_disposal_every_call_says_so(string world)
    {
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        Scene scene = await Scene.OfAsync(vm, source);
        GuestReader reader = vm.Vm.NewReader();
        byte[] page = new byte[4096];
        Assert.False(reader.TryRead(scene.Region, 0, page));
        BackgroundPush push = await scene.Served.PushAsync(scene.ServedRegion, source);
        GuestRegion unmapped = await vm.MapAsync(1);
        await vm.Vm.UnmapAsync(unmapped);
        await vm.Vm.DisposeAsync();

        foreach (Func<Task> call in new Func<Task>[]
        {
            () => vm.MapAsync(1),
            () => vm.Vm.UnmapAsync(scene.Region),
            () => vm.Vm.AdoptMemoryAsync(new AdoptedMemory { Address = 1UL << 40, Pages = 1 }),
            () => vm.Vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = 0 }),
            () => Task.Run(() => vm.Vm.PrefaultMemory(1)),
            () => Task.Run(vm.Vm.NewReader),
            () => Task.Run(() => reader.TryRead(scene.Region, 0, page)),
            () => Task.Run(() => reader.TryReadPages(scene.Region, 0, page)),
            () => vm.Uffd.UnprotectAsync(scene.Registered, 0, 1),
            () => vm.Uffd.PageStatesAsync(scene.Registered, 0, 1),
            () => Task.Run(() => vm.Uffd.RecordWorkingSet(scene.Registered)),
            () => Task.Run(() => vm.Uffd.WorkingSetOf(scene.Registered)),
            () => vm.Vm.AdviseAsync(scene.Region, 0, 1, Advice.DontNeed),
            () => vm.Vm.OpenAsync(),
            () => vm.Vm.StartVcpusAsync([Steps.Reads(0)]),
            () => vm.Uffd.RegisterAsync(scene.Region, RegisterModes.Missing),
            () => vm.Uffd.UnregisterAsync(scene.Registered),
            () => vm.Uffd.ProtectAsync(scene.Registered, 0, 1),
            () => vm.Uffd.TakeWrittenAsync(scene.Registered, 0, 1),
            () => vm.Uffd.MoveAsync(scene.Registered, 0, scene.Region, 0, 1),
            () => vm.Uffd.PoisonAsync(scene.Registered, 0, 1),
            () => vm.Uffd.ServeAsync(new ServeOptions { Source = source }),
            () => scene.Served.PushAsync(scene.ServedRegion, source),
            () => vm.Uffd.CloseAsync(),
            () => vm.Uffd.AbandonAsync(),
        })
        {
            ObjectDisposedException closed = await Assert.ThrowsAsync<ObjectDisposedException>(call);
            Assert.Equal("UffdActors.UffdVm", closed.ObjectName);
        }

        // What was used up before stays so; who waited for what has ended is told; and figures are as they were.
        await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Vm.UnmapAsync(unmapped));
        await Assert.ThrowsAsync<VmFailedException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        await push.StopAsync().WaitAsync(LiveScene.Deadline);
        push.Pause();
        push.Resume();
        vm.Uffd.Recover();
        Assert.Equal((0, Pages), (push.ReceivedPages, push.AbsentPages));
        Assert.Equal(0, scene.Served.ReceivedOf(scene.ServedRegion).Count);
        Assert.Equal(scene.Served.Counts().Faults, scene.Served.Faults);
        Assert.Empty(vm.Uffd.TakeChildren());
        Assert.Empty(vm.Uffd.OutstandingPages());
        Assert.Contains(scene.Region, vm.Vm.Regions);
        Assert.False(vm.Vm.Failed.IsCompleted);
        await vm.Vm.DisposeAsync();
        await vm.Runtime.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }));
    }

    private static Refusal Argument(Func<Scene, Task> call, string says = "") => new(typeof(ArgumentException), call, says);

    private static Refusal State(Func<Scene, Task> call, string says) => new(typeof(InvalidOperationException), call, says);

    private static Refusal Kernel(string name, Errno error, Func<Scene, Task> call, string says, int maps = 0) =>
        new(typeof(UffdException), call, says) { Kernel = (name, error), Maps = maps };

    private sealed record Refusal(Type Type, Func<Scene, Task> Call, string Says)
    {
        public (string Call, Errno Error)? Kernel { get; init; }

        /// <summary>Regions that the case itself has mapped.</summary>
        public int Maps { get; init; }
    }

    /// <summary>A region that nobody has registered, one that somebody has, and one that is served and lacks all its pages.</summary>
    private sealed record Scene(
        EitherWorld World, GuestRegion Region, GuestRegion Registered, Userfault Served, GuestRegion ServedRegion, PageBytes Source)
    {
        public UffdVm Vm => World.Vm;

        public Userfault Uffd => World.Uffd;

        public static async Task<Scene> OfAsync(EitherWorld vm, PageBytes source)
        {
            GuestRegion region = await vm.MapAsync(Pages);
            GuestRegion registered = await vm.RegisterAsync(Pages, RegisterModes.Missing);
            Userfault served = await vm.Vm.OpenAsync();
            GuestRegion servedRegion = await vm.MapAsync(Pages);
            _ = await served.RegisterAsync(servedRegion, RegisterModes.Missing);
            await served.ServeAsync(new ServeOptions { Source = source });
            return new Scene(vm, region, registered, served, servedRegion, source);
        }

        public Task<GuestRegion> MapAsync(int pages, string? module = null) => World.MapAsync(pages, module);
    }
}
