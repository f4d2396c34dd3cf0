using System.Collections.Concurrent;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Synchronous write protection: a write waits until a handler has cleared the page.</summary>
public sealed class WriteProtectionTests
{
    private const int Pages = 8;
    private const PagemapFlags Protected = PagemapFlags.Present | PagemapFlags.UffdWp;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_write_to_a_protected_page_goes_on_when_its_old_content_has_been_seen(string world)
    {
        using PageBytes source = new(Pages);
        ConcurrentQueue<(int Region, long Page, ulong? Before)> seen = new();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(
            new ServeOptions { Source = source, BeforeWrite = (id, page) => seen.Enqueue((id, page, vm.Word(region, page))) });
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 0, 1, 2, 3, 4, 5, 6, 7);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);

        // What is filled comes protected; what is not to be is opened.
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], vm.PagesWith(region, Protected));
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Pages)).IsDone);
        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.ProtectAsync(region, 1, Pages - 1));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], vm.PagesWith(region, Protected));
        await vm.WriteAsync(region, 0, 2, 5, 2);

        Assert.Equal([(region.Id, 2, PageBytes.WordOf(2)), (region.Id, 5, PageBytes.WordOf(5))], seen);
        Assert.Equal([0, 2, 5], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal(GuestLayout.ValueOf(0, 3), vm.Word(region, 2));
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        Assert.Equal(2, vm.Uffd.Reader!.Counters.WriteProtect);

        // Protected again it is seen again; what is not protected is not.
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Pages)).IsDone);
        Assert.True((await vm.Uffd.ProtectAsync(region, 5, 1)).IsDone);
        await vm.WriteAsync(region, 3, 5);
        Assert.Equal((region.Id, 5, GuestLayout.ValueOf(0, 2)), seen.ElementAt(2));
        Assert.Equal(3, seen.Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Many_ranges_are_protected_by_one_call_which_says_how_far_it_has_come(string world)
    {
        const int Many = 2048;
        using PageBytes source = new(Many);
        ConcurrentQueue<long> seen = new();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Many, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, page) => seen.Enqueue(page) });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Many)).IsDone);

        // More of them than go without a way back to the caller; neither in order nor of one length.
        PageRange[] ranges = [new(2000, 2040), .. Enumerable.Range(0, 900).Select(i => new PageRange(2 * i, (2 * i) + 1))];
        int[] expected = [.. Enumerable.Range(0, 900).Select(i => 2 * i), .. Enumerable.Range(2000, 40)];
        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.ProtectEachAsync(region, ranges));
        Assert.Equal(expected, vm.PagesWith(region, Protected));
        await vm.WriteAsync(region, 3, 1798, 2039);
        Assert.Equal([1798, 2039], seen);
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Many)).IsDone);

        // What is not registered any more refuses; what is before it is done.
        await vm.Uffd.UnregisterAsync(region, 64, 64);
        IoctlResult refused = await vm.Uffd.ProtectEachAsync(region, [new(8, 10), new(16, 17), new(70, 72), new(200, 201)]);
        Assert.Equal(new IoctlResult(Errno.ENOENT, 3 << 12), refused);
        Assert.Equal([8, 9, 16], vm.PagesWith(region, Protected));
        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.ProtectEachAsync(region, []));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.Uffd.ProtectEachAsync(region, [new(0, 1), new(5, 5)]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.Uffd.ProtectEachAsync(region, [new(Many - 1, Many + 1)]));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_hook_that_throws_lets_the_write_go_on_where_that_is_asked_for(string world)
    {
        using PageBytes source = new(Pages);
        int calls = 0;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions
        {
            Source = source,
            ClearIfHookFails = true,
            BeforeWrite = (_, _) =>
            {
                _ = Interlocked.Increment(ref calls);
                throw new IOException("the snapshot's disk is full");
            },
        });
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Pages)).IsDone);
        await vm.WriteAsync(region, 4);
        Assert.True((await vm.Uffd.ProtectAsync(region, 4, 1)).IsDone);

        await vm.WriteAsync(region, 3, 4);

        Incident failed = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal(IncidentKind.HookFailed, failed.Kind);
        Assert.Equal(
            $"The BeforeWrite hook threw for page 4 of region {region.Id} (the snapshot's disk is full); the page was given to its writer "
                + $"all the same.", failed.Message);
        Assert.IsType<IOException>(failed.Exception);
        Assert.Equal(PagemapFlags.Present, vm.Entries(region)[4]);
        Assert.Equal(GuestLayout.ValueOf(0, 1), vm.Word(region, 4));
        Assert.Equal(1, calls);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_hook_that_throws_leaves_the_page_protected_until_recover(string world)
    {
        using PageBytes source = new(Pages);
        bool throws = false;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions
        {
            Source = source,
            BeforeWrite = (_, _) =>
            {
                if (Volatile.Read(ref throws))
                    throw new IOException("the snapshot's disk is full");
            }
        });
        await vm.WriteAsync(region, 3, 4);
        Assert.True((await vm.Uffd.ProtectAsync(region, 4, 1)).IsDone);
        Volatile.Write(ref throws, true);

        VcpuGroup write = await vm.StartAsync(region, isWrite: true, 3, 4);
        Incident refused = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal(IncidentKind.HookFailed, refused.Kind);
        Assert.Equal(
            $"The BeforeWrite hook threw for page 4 of region {region.Id} (the snapshot's disk is full); the page stays protected and its "
                + $"writers wait until it is recovered or abandoned.",
            refused.Message);
        Assert.Equal(Protected, vm.Entries(region)[4]);
        Assert.Equal(1, write.Accesses);

        Volatile.Write(ref throws, false);
        vm.Uffd.Recover();
        await write.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(GuestLayout.ValueOf(0, 1), vm.Word(region, 4));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_writer_that_unprotecting_has_freed_is_not_waited_for_and_the_next_write_asks_the_hook_again(string world)
    {
        using PageBytes source = new(Pages);
        int asked = 0;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions
        {
            Source = source,
            BeforeWrite = (_, _) =>
            {
                if (Interlocked.Increment(ref asked) == 1)
                    throw new IOException("the snapshot's disk is full");
            },
        });
        await (await vm.StartAsync(region, isWrite: false, 4)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.True((await vm.Uffd.ProtectAsync(region, 4, 1)).IsDone);
        VcpuGroup write = await vm.StartAsync(region, isWrite: true, 4);
        Assert.Equal(IncidentKind.HookFailed, (await vm.Vm.Incidents.ReadOtherAsync()).Kind);

        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Pages)).IsDone);
        await write.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        await vm.WriteAsync(region, 4);

        Assert.Equal(2, asked);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Memory_that_is_registered_otherwise_cannot_be_protected(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);

        Assert.Equal(new IoctlResult(Errno.ENOENT, null), await vm.Uffd.ProtectAsync(region, 0, 1));
        Assert.Equal(new IoctlResult(Errno.ENOENT, null), await vm.Uffd.UnprotectAsync(region, 0, 1));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.Uffd.ProtectAsync(region, 1, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task While_an_event_is_unread_nothing_is_protected_moved_or_poisoned(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        GuestRegion other = await vm.MapAsync(1);
        Task advice = vm.Vm.AdviseAsync(region, 0, 1, Advice.DontNeed);
        await vm.MessageAsync();

        IoctlResult unread = new(Errno.EAGAIN, -(long)Errno.EAGAIN);
        Assert.Equal(new IoctlResult(Errno.EAGAIN, null), await vm.Uffd.ProtectAsync(region, 0, 1));
        Assert.Equal(unread, await vm.Uffd.MoveAsync(region, 0, other, 0, 1));
        Assert.Equal(unread, await vm.Uffd.PoisonAsync(region, 0, 1));
        await vm.Uffd.AbandonAsync();
        await advice.WaitAsync(LiveScene.Deadline);
        Assert.Equal(PagemapFlags.None, vm.Entries(region)[0]);
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    [InlineData("model", RegisterModes.WriteProtect | RegisterModes.Minor)]
    [InlineData("live", RegisterModes.WriteProtect | RegisterModes.Minor)]
    public async Task Unregistering_lets_the_waiting_threads_of_every_mode_go(string world, RegisterModes modes)
    {
        // The kernel by itself wakes only those of MISSING (SEMANTICS 3.4.3).
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        // In the cache and not mapped; filled, for nobody is let go into a page whose content is still to come.
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", IsFilled = true });
        await vm.WriteAsync(region, 3);
        await vm.Vm.AdviseAsync(region, 0, Pages, Advice.DontNeed);
        _ = await vm.Uffd.RegisterAsync(region, modes);
        if ((modes & RegisterModes.WriteProtect) != 0) Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        if (modes == RegisterModes.WriteProtect)
            await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);
        VcpuGroup write = await vm.StartAsync(region, isWrite: true, 3);
        await vm.MessageAsync();

        await vm.Uffd.UnregisterAsync(region);

        await write.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(GuestLayout.ValueOf(0, 0), vm.Word(region, 3));
        await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.UnregisterAsync(region));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_served_region_is_not_unregistered_while_pages_are_absent(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.UnregisterAsync(region));
        Assert.Contains("unregistering now would turn them into zeros", refused.Message, StringComparison.Ordinal);
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.Uffd.UnregisterAsync(region);
        Assert.Equal(PageBytes.WordOf(7), vm.Word(region, 7));
    }

    [SkippableFact]
    public async Task Guest_memfd_of_this_kernel_takes_asynchronous_protection_only_and_says_so()
    {
        ThisKernel.Require();
        Skip.IfNot(File.Exists("/dev/kvm"), "There is no /dev/kvm, and only KVM makes a guest_memfd.");
        MachineReport machine = MachineReport.Read();
        ThisKernel.Require(machine.Findings.Single(f => f.Need == MachineNeed.GuestMemfd).Remedy);
        Skip.If(machine.Findings.Single(f => f.Need == MachineNeed.GuestMemfdFaults).IsMet, "This kernel's guest_memfd takes every mode.");

        await using EitherWorld vm = await EitherWorld.StartAsync("live");
        GuestRegion region = await vm.MapAsync(Pages, "guest-memfd");
        foreach (RegisterModes modes in new[] { RegisterModes.WriteProtect, RegisterModes.Missing, RegisterModes.Minor })
        {
            UnsupportedMachineException refused =
                await Assert.ThrowsAsync<UnsupportedMachineException>(() => vm.Uffd.RegisterAsync(region, modes));
            Assert.Equal(MachineNeed.GuestMemfdFaults, refused.Need);
            Assert.EndsWith(Remedies.Of(MachineNeed.GuestMemfdFaults), refused.Message, StringComparison.Ordinal);
        }

        Userfault tracking = await vm.Vm.OpenAsync(UffdFeatures.WpAsync);
        _ = await tracking.RegisterAsync(region, RegisterModes.WriteProtect);
        Assert.True((await tracking.ProtectAsync(region, 0, Pages)).IsDone);
        await vm.WriteAsync(region, 1, 6);
        Assert.Equal([new(1, 2), new(6, 7)], await tracking.TakeWrittenAsync(region, 0, Pages));
    }
}
