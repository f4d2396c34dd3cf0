using UffdActors.Calls;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A region is good for calls of its own VM, until it is unmapped: its addresses are somebody else's then.</summary>
public sealed class RegionUseTests
{
    private const int Pages = 16;

    /// <summary>Every call that names a region, in both worlds.</summary>
    public static TheoryData<string, string> Calls
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (string call in new[] { "unmap", "register", "unregister", "serve", "advise", "protect", "unprotect", "take",
                    "read", "push", "move to", "move from", "poison" }) cases.Add(world, call);
            }

            return cases;
        }
    }

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Calls))]
    public async Task A_region_that_was_unmapped_is_refused_by_every_call(string world, string call)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        GuestRegion other = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        if (call == "serve") await vm.Vm.UnmapAsync(other);
        if (call == "push") await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.Vm.UnmapAsync(region).WaitAsync(LiveScene.Deadline);
        // Somebody else has the address now, if the kernel gives it again.
        GuestRegion next = await vm.MapAsync(Pages);

        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => CallAsync(vm.Vm, vm.Uffd, region, other, call, source));

        Assert.Contains($"Region {region.Id} has been unmapped", refused.Message, StringComparison.Ordinal);
        await vm.WriteAsync(next, 0, Pages - 1);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task The_memory_of_a_region_that_is_unmapped_is_free_for_the_next(string world)
    {
        // Twice that is more than there is in the model.
        const int Many = 5000;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        for (int i = 0; i < 3; i++)
        {
            GuestRegion region = await vm.MapAsync(Many, "shmem", withAlias: i == 1);
            await vm.WriteAsync(region, [.. Enumerable.Range(0, Many).Select(page => (long)page)]);
            await vm.Vm.UnmapAsync(region);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Calls))]
    public async Task A_region_of_another_VM_is_refused_by_every_call(string world, string call)
    {
        if (call == "serve") return;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion own = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await using UffdVm theirs = await vm.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion foreign = await theirs.MapAsync(new RegionOptions { Pages = Pages });
        using PageBytes source = new(Pages);
        if (call == "push") await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        ArgumentException refused =
            await Assert.ThrowsAsync<ArgumentException>(() => CallAsync(vm.Vm, vm.Uffd, foreign, own, call, source));

        Assert.Contains($"Region {foreign.Id} is a region of another VM ({theirs.Name})", refused.Message, StringComparison.Ordinal);
        await theirs.UnmapAsync(foreign);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Of_many_calls_at_the_same_time_one_unmaps(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", WithAlias = true });

        Task[] calls = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(() => vm.Vm.UnmapAsync(region)))];
        _ = await Record.ExceptionAsync(() => Task.WhenAll(calls).WaitAsync(LiveScene.Deadline));

        _ = Assert.Single(calls, c => c.IsCompletedSuccessfully);
        foreach (Task call in calls.Where(c => !c.IsCompletedSuccessfully))
            Assert.Contains(
                "has been unmapped", Assert.IsType<InvalidOperationException>(call.Exception!.InnerException).Message,
                StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_call_that_was_cancelled_before_it_was_made_leaves_the_region_in_use(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => vm.Vm.UnmapAsync(region, cancelled.Token));

        await vm.Vm.AdviseAsync(region, 0, 1, Advice.DontNeed);
        await vm.Vm.UnmapAsync(region);
    }

    [SkippableTheory]
    [InlineData("model", 0)]
    [InlineData("live", 0)]
    [InlineData("model", 1)]
    [InlineData("live", 1)]
    public async Task After_a_refusal_the_call_can_be_made_again_and_goes_on_where_it_was_refused(string world, int refusedSlice)
    {
        const int Slice = RangeSlices.Bytes >> PageSize.BaseShift;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(3 * Slice, RegisterModes.Missing);
        List<PageRange> called = [];

        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => region.UnmapAsync(() => SlicedUnmap.MakeAsync(
            (_, slice, cancel) =>
            {
                if (called.Count == refusedSlice) throw new UffdException("munmap", Errno.ENOMEM, "the kernel has refused");
                called.Add(slice);
                return vm.Vm.Kernel.UnmapAsync(region, slice, cancel);
            },
            region,
            CancellationToken.None)));

        Assert.Equal(Errno.ENOMEM, refused.Error);
        long gone = called.Sum(c => c.Count);
        Assert.Equal(gone, region.UnmappedPages);
        if (gone == 0)
        {
            // Nothing has happened to it.
            Assert.DoesNotContain("Call again", refused.Message, StringComparison.Ordinal);
            await vm.Vm.AdviseAsync(region, 0, 1, Advice.DontNeed);
        }
        else
        {
            Assert.Contains(
                $"{gone << PageSize.BaseShift} of {region.Bytes} bytes of region {region.Id} are unmapped. Call again to go on",
                refused.Message, StringComparison.Ordinal);
            _ = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Vm.AdviseAsync(region, gone, 1, Advice.DontNeed));
        }

        // What has the address of the part that is gone by now is not touched.
        GuestRegion next = await vm.MapAsync(Slice);
        await vm.WriteAsync(next, 0, Slice - 1);
        await vm.Vm.UnmapAsync(region);

        Assert.Equal([0, Slice - 1], vm.PagesWith(next, PagemapFlags.Present));
        Assert.Equal(region.Pages, region.UnmappedPages);
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Vm.UnmapAsync(region));
        await vm.Vm.UnmapAsync(next);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Other_regions_are_served_when_one_was_unmapped_before(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion gone = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion kept = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Vm.UnmapAsync(gone);

        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.StartAsync(kept, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(3), vm.Word(kept, 3));
        await (await vm.Uffd.PushAsync(kept, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        // Nobody lacks what was unmapped.
        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_vCPU_that_touches_a_region_that_was_unmapped_gets_a_signal_and_the_others_run(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion gone = await vm.MapAsync(Pages);
        GuestRegion kept = await vm.MapAsync(Pages);
        await vm.Vm.UnmapAsync(gone);
        _ = await vm.MapAsync(Pages);

        VcpuGroup touches = await vm.StartAsync(gone, isWrite: true, 3);
        await touches.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Contains("SigSegv (code 1)", touches.Error, StringComparison.Ordinal);
        await vm.WriteAsync(kept, 0, 1);
    }

    [SkippableFact]
    public async Task What_a_region_has_received_is_to_be_read_only()
    {
        await using EitherWorld vm = await EitherWorld.StartAsync("model");
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        Type handedOut = vm.Uffd.ReceivedOf(region).GetType();

        Assert.Empty(handedOut.GetConstructors());
        Assert.Empty(handedOut.GetFields());
        Assert.DoesNotContain(handedOut.GetProperties(), p => p.SetMethod?.IsPublic == true);
        string[] calls = [
            .. handedOut.GetMethods().Where(m => m.DeclaringType == handedOut && !m.IsSpecialName).Select(m => m.Name)
                .Order(StringComparer.Ordinal)];
        Assert.Equal(["Contains", "CopyTo", "NextClear"], calls);
    }

    private static Task CallAsync(UffdVm vm, Userfault uffd, GuestRegion region, GuestRegion other, string call, PageBytes source) =>
        call switch
        {
            "unmap" => vm.UnmapAsync(region),
            "register" => uffd.RegisterAsync(region, RegisterModes.Missing),
            "unregister" => uffd.UnregisterAsync(region),
            "serve" => uffd.ServeAsync(new ServeOptions { Source = source }),
            "advise" => vm.AdviseAsync(region, 0, 1, Advice.DontNeed),
            "protect" => uffd.ProtectAsync(region, 0, 1),
            "unprotect" => uffd.UnprotectAsync(region, 0, 1),
            "take" => uffd.TakeWrittenAsync(region, 0, 1),
            "read" => Task.Run(() => vm.NewReader().TryRead(region, 0, new byte[8])),
            "push" => uffd.PushAsync(region, source),
            "move to" => uffd.MoveAsync(region, 0, other, 0, 1),
            "move from" => uffd.MoveAsync(other, 0, region, 0, 1),
            _ => uffd.PoisonAsync(region, 0, 1),
        };
}
