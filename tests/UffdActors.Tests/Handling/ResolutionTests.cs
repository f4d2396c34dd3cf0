using UffdActors.Abi;
using UffdActors.Dispatch.Stepping;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Handling;

/// <summary>Handling rules that cost others dearly (RING P), each on the ring, in one fixed order of messages.</summary>
public sealed class ResolutionTests : IDisposable
{
    private const int Pages = 8;
    private const int HugeUnit = PageSize.Huge / PageSize.Base;

    private readonly SteppedHost _host = new();
    private readonly TestSource _source = new(Pages) { AnswersAtOnce = false };

    public void Dispose()
    {
        _source.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void EEXIST_is_followed_by_WAKE() => Run(async (vm, region, uffd) =>
    {
        _source.HoldsBack = true;
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(3)]);
        while (_source.Orders.Count == 0) await Task.Yield();

        // Somebody else fills the page and wakes nobody.
        Fill other = new(vm.Main);
        other.Begin(uffd.Context, FillKind.ZeroPage, region.Address + (3 * PageSize.Base), PageSize.Base, modes: FillModes.DontWake);
        await vm.CallAsync("UFFDIO_ZEROPAGE", other, f => f.Error, CancellationToken.None);
        _source.LetGo();

        await vcpus.WaitAsync();
        Assert.Equal(1, uffd.Reader!.Counters.Dismissed);
    });

    [Fact]
    public void A_fill_that_meets_an_unread_event_is_deferred_and_tried_again() => Run(
        async (vm, region, uffd) =>
        {
            _source.HoldsBack = true;
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(5)]);
            while (_source.Orders.Count == 0) await Task.Yield();
            uffd.Context.BeginChange();
            _source.HoldsBack = false;
            _source.LetGo();
            // The change lasts until the handler has run into it and has set its timer.
            while (uffd.Reader!.OutstandingRequests().All(r => r.Phase != RequestPhase.Deferred)) await Task.Yield();
            uffd.Context.EndChange();

            await vcpus.WaitAsync();
            Assert.Equal(0, uffd.Outstanding);
        },
        UffdFeatures.EventRemove);

    [Fact]
    public void A_source_that_fails_for_a_while_is_asked_again() => Run(async (vm, region, uffd) =>
    {
        _source.Failures[1] = 3;
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1, 2)]);
        await vcpus.WaitAsync();
        Assert.Equal(4, _source.Orders.Count(o => o.FirstPage == 1));
    });

    [Fact]
    public void A_source_that_fails_for_good_is_asked_no_more_until_recover() => Run(async (vm, region, uffd) =>
    {
        _source.Failures[1] = int.MaxValue;
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(1), Steps.Reads(0, 2)]);
        Incident incident = await vm.Incidents.ReadAsync();
        Assert.Equal(IncidentKind.SourceFailed, incident.Kind);
        Assert.Contains("page 1 cannot be had now", incident.Message, StringComparison.Ordinal);
        incident = await vm.Incidents.ReadAsync();
        Assert.Equal(IncidentKind.PatienceOver, incident.Kind);
        Assert.Contains("until they are recovered or abandoned", incident.Message, StringComparison.Ordinal);
        // Nothing is tried on its own any more: without timers and messages the host would call this a hang.
        while (_host.Loop.Step() || _host.Loop.FireNextTimer())
        {
        }

        int asked = _source.Orders.Count(o => o.FirstPage == 1);
        Assert.InRange(asked, 300, 700);
        Assert.Equal((2L, 1), (vcpus.Accesses, uffd.Context.Total));
        _source.Failures[1] = 0;
        uffd.Recover();
        await vcpus.WaitAsync();
        Assert.Equal(3, vcpus.Accesses);
    });

    [Fact]
    public void A_push_whose_source_fails_for_good_pauses_until_recover() => Run(async (vm, region, uffd) =>
    {
        _source.Failures[3] = int.MaxValue;
        BackgroundPush push = await uffd.PushAsync(region, _source);
        Incident incident = await vm.Incidents.ReadAsync();
        Assert.Equal(IncidentKind.SourceFailed, incident.Kind);
        Assert.Contains("for the push of region 0 (page 3: page 3 cannot be had now)", incident.Message, StringComparison.Ordinal);
        Assert.Equal(IncidentKind.PatienceOver, (await vm.Incidents.ReadAsync()).Kind);
        while (_host.Loop.Step() || _host.Loop.FireNextTimer())
        {
        }

        int asked = _source.Orders.Count;
        Assert.InRange(asked, 300, 700);
        _source.Failures[3] = 0;
        uffd.Recover();
        await push.WaitAsync();
        Assert.Equal(Pages, push.ReceivedPages);
    });

    [Fact]
    public void Abandon_stops_the_guest_before_absent_pages_become_zeros() => Run(async (vm, region, uffd) =>
    {
        _source.Failures[1] = int.MaxValue;
        _source.Failures[2] = int.MaxValue;
        VcpuGroup vcpus =
            await vm.StartVcpusAsync([Steps.Reads(0, 1, 3), Steps.Reads(2, 4)], 1, new NoZeros(), CancellationToken.None);
        Task guest = vcpus.WaitAsync();
        Assert.Equal(IncidentKind.SourceFailed, (await vm.Incidents.ReadAsync()).Kind);
        Assert.Equal(IncidentKind.PatienceOver, (await vm.Incidents.ReadAsync()).Kind);

        await uffd.AbandonAsync();

        _ = await Assert.ThrowsAsync<VmFailedException>(() => guest);
        // No thread has come out of the wait that closing ends: nobody has read a zero, or gone on behind one.
        Assert.Null(vcpus.Error);
        Assert.Equal(1, vcpus.Accesses);
        Assert.Equal((true, 0), (uffd.Context.IsReleased, uffd.Context.Total));
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.StartVcpusAsync([Steps.Reads(1)]));
    });

    [Fact]
    public void Retries_wait_longer_and_longer_and_not_all_alike()
    {
        for (int attempt = 0; attempt < 30; attempt++)
        {
            double full = Math.Min(100_000, 20 * Math.Pow(2, Math.Min(attempt, 20)));
            double[] delays = [.. Enumerable.Range(0, 64).Select(salt => Backoff.Delay(attempt, salt).TotalMicroseconds)];
            Assert.All(delays, d => Assert.InRange(d, (full / 2) - 1, full + 1));
            Assert.True(delays.Distinct().Count() > 32, "those who failed together come back together");
            Assert.Equal(delays, Enumerable.Range(0, 64).Select(salt => Backoff.Delay(attempt, salt).TotalMicroseconds));
        }
    }

    [Fact]
    public void A_larger_page_is_one_request_to_the_source_and_one_fill_and_zeros_are_copied_into_it() =>
        RunHuge(hugePages: 3, units: 3, async (vm, region, uffd, source) =>
        {
            foreach (long page in Enumerable.Range(HugeUnit, HugeUnit)) _ = source.Zeros.Add(page);
            foreach (long page in Enumerable.Range(2 * HugeUnit, 100)) _ = source.Zeros.Add(page);
            VcpuGroup vcpus = await vm.StartVcpusAsync(
                [Steps.Reads(5, HugeUnit + 1), Steps.Reads(9, (2 * HugeUnit) + 99),
                    Steps.Reads(7, (2 * HugeUnit) + 100)]);
            await vcpus.WaitAsync();

            Assert.Null(vcpus.Error);
            Assert.Equal(
                [(0L, HugeUnit), (HugeUnit, HugeUnit), (2L * HugeUnit, HugeUnit)],
                source.Orders.Select(o => (o.FirstPage, o.Pages)).Order());
            Assert.Equal((2, 1), (uffd.Reader!.Counters.DemandPages, uffd.Reader.Counters.DemandZeroPages));
            Assert.Equal(3 * HugeUnit, uffd.ReceivedOf(region).Count);
            Assert.Equal(TestSource.WordOf(511), WordAt(vm, region, 511));
            Assert.Equal(0ul, WordAt(vm, region, HugeUnit + 511));
            Assert.Equal(0ul, WordAt(vm, region, (2 * HugeUnit) + 99));
            Assert.Equal(TestSource.WordOf((2 * HugeUnit) + 100), WordAt(vm, region, (2 * HugeUnit) + 100));
        });

    [Fact]
    public void With_the_pool_of_huge_pages_empty_demand_and_push_pause_after_the_patience_until_recover() =>
        RunHuge(hugePages: 1, units: 2, async (vm, region, uffd, source) =>
        {
            await (await vm.StartVcpusAsync([Steps.Reads(3)])).WaitAsync();
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(HugeUnit)]);
            Incident demand = await vm.Incidents.ReadAsync();
            Assert.Equal(IncidentKind.FillDelayed, demand.Kind);
            Assert.Contains("gives EEXIST again and again (the pool of huge pages may be empty)", demand.Message, StringComparison.Ordinal);
            Assert.Equal(IncidentKind.PatienceOver, (await vm.Incidents.ReadAsync()).Kind);

            BackgroundPush push = await uffd.PushAsync(region, source);
            while (_host.Loop.Step() || _host.Loop.FireNextTimer())
            {
            }

            // It is the same trouble, so nothing more is reported.
            Assert.False(vm.Incidents.TryRead(out _));
            // What COPY said was there is not counted as received: closing would make it zeros.
            Assert.Equal(HugeUnit, push.ReceivedPages);
            _ = await Assert.ThrowsAsync<InvalidOperationException>(() => uffd.CloseAsync());

            await vm.AdviseAsync(region, 0, HugeUnit, Model.Operations.Maps.Advice.Remove);
            uffd.Recover();
            await vcpus.WaitAsync();
            await push.WaitAsync();
            Assert.Null(vcpus.Error);
            Assert.Equal(TestSource.WordOf(HugeUnit), WordAt(vm, region, HugeUnit));
        });

    [Fact]
    public void A_push_passes_over_a_larger_page_that_is_there_already() =>
        RunHuge(hugePages: 2, units: 2, async (vm, region, uffd, source) =>
        {
            using NativeBuffer bytes = new(PageSize.Huge);
            Fill other = new(vm.Main);
            other.Begin(uffd.Context, FillKind.Copy, region.Address, PageSize.Huge, FillSource.Buffer(bytes.Address));
            await vm.CallAsync("UFFDIO_COPY", other, f => f.Error, CancellationToken.None);

            BackgroundPush push = await uffd.PushAsync(region, source);
            await push.WaitAsync();

            Assert.Equal(1, push.Pages);
            Assert.Equal((0ul, TestSource.WordOf(HugeUnit)), (WordAt(vm, region, 0), WordAt(vm, region, HugeUnit)));
        });

    [Fact]
    public void Late_and_repeated_answers_do_no_harm() => Run(async (vm, region, uffd) =>
    {
        _source.HoldsBack = true;
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(4)]);
        while (_source.Orders.Count == 0) await Task.Yield();
        ulong address = region.Address + (4 * PageSize.Base);
        _source.HoldsBack = false;
        _source.LetGo();
        await vcpus.WaitAsync();

        // The same answer once more, when nobody waits for it any more.
        _source.HoldsBack = true;
        _source.LetGo();
        Assert.True(vm.AddressSpace.EntryAt(PageSize.PageOf(address)).IsPresent);
        Assert.Equal(0, uffd.Outstanding);
    });

    [Fact]
    public void A_page_of_zeros_is_mapped_and_not_copied() => Run(async (vm, region, uffd) =>
    {
        _ = _source.Zeros.Add(2);
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(1, 2)]);
        await vcpus.WaitAsync();
        Assert.Equal((1L, 1L), (uffd.Reader!.Counters.DemandPages, uffd.Reader.Counters.DemandZeroPages));
        Assert.Equal(1, vm.Model.Machine.BaseFolios.InUse);
    });

    [Fact]
    public void Closing_is_refused_while_pages_are_absent() => Run(async (vm, region, uffd) =>
    {
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => uffd.CloseAsync());
        Assert.Contains("lacks 8 of 8 pages", refused.Message, StringComparison.Ordinal);
        BackgroundPush push = await uffd.PushAsync(region, _source);
        await push.WaitAsync();
        await uffd.CloseAsync();
    });

    [Fact]
    public void Threads_of_a_range_that_is_unmapped_are_let_go() => Run(
        async (vm, region, uffd) =>
        {
            _source.HoldsBack = true;
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(4)]);
            while (_source.Orders.Count == 0) await Task.Yield();
            await vm.UnmapAsync(region);
            await vcpus.WaitAsync();
            Assert.Contains("SigSegv", vcpus.Error, StringComparison.Ordinal);
        },
        UffdFeatures.EventUnmap);

    [Fact]
    public void A_write_protected_page_is_released_by_the_handler() => Run(
        async (vm, region, uffd) =>
        {
            VcpuGroup first = await vm.StartVcpusAsync([Steps.Reads(0, 1)]);
            await first.WaitAsync();
            WriteProtect protect = new(vm.Main, uffd.Context, region.Address, region.Bytes, (ulong)WriteProtectModes.Protect);
            await vm.CallAsync("UFFDIO_WRITEPROTECT", protect, c => c.Error, CancellationToken.None);
            VcpuGroup second = await vm.StartVcpusAsync([new Steps(new(0, 1, IsWrite: true), new(0, 0, IsWrite: true))]);
            await second.WaitAsync();
            Assert.Equal(2, uffd.Reader!.Counters.WriteProtect);
        },
        modes: RegisterModes.Missing | RegisterModes.WriteProtect);

    [Fact]
    public void An_address_space_that_has_ended_fails_the_push_with_one_incident_and_nothing_is_tried_any_more() =>
        Run(async (vm, region, uffd) =>
        {
            _source.HoldsBack = true;
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(3)]);
            while (_source.Orders.Count == 0) await Task.Yield();
            BackgroundPush push = await uffd.PushAsync(region, _source);
            await vm.CallAsync("exit", new ExitProcess(vm.Main), _ => Errno.None, CancellationToken.None);
            _source.HoldsBack = false;
            _source.LetGo();

            UffdException failed = await Assert.ThrowsAsync<UffdException>(() => push.WaitAsync());
            Assert.Equal((Errno.ESRCH, 0L), (failed.Error, push.ReceivedPages));
            Assert.True(vm.Incidents.TryRead(out Incident? incident));
            Assert.Equal(IncidentKind.OwnerGone, incident.Kind);
            Assert.Equal(RequestPhase.Paused, Assert.Single(uffd.Reader!.OutstandingRequests()).Phase);
            foreach (Func<Task> call in new Func<Task>[] { () => uffd.UnregisterAsync(region), () => uffd.PoisonAsync(region, 0, 1),
                () => uffd.CloseAsync() })
                Assert.Equal(Errno.ESRCH, (await Assert.ThrowsAsync<UffdException>(call)).Error);
            Assert.False(vm.Incidents.TryRead(out Incident? more), more?.Message);
            _ = vcpus;
        });

    private void RunHuge(int hugePages, int units, Func<UffdVm, GuestRegion, Userfault, TestSource, Task> body)
    {
        using TestSource source = new(units * HugeUnit) { AnswersAtOnce = false };
        _host.Loop.Policy = new FifoPolicy();
        _host.Run(async () =>
        {
            await using UffdVm vm =
                await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 16, HugePages = Math.Max(units, hugePages) });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = units * HugeUnit, Module = "hugetlb" });
            // What was promised with the mapping is gone all the same.
            for (int i = hugePages; i < units; i++) Assert.NotEqual(FolioStore.None, vm.Model.Machine.HugeFolios.AllocateZeroed());
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, Resume = SourceResume.Manual });
            await body(vm, region, uffd, source);
        });
    }

    private static ulong WordAt(UffdVm vm, GuestRegion region, long page)
    {
        byte[] bytes = new byte[PageSize.Base];
        Assert.True(vm.NewReader().TryRead(region, page, bytes), $"page {page} is absent");
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>A request knows its page by where it was; what has moved there meanwhile has content of its own.</summary>
    [Fact]
    public void What_has_moved_to_where_another_page_was_waited_for_is_filled_with_its_own_content() => Run(
        async (vm, region, uffd) =>
        {
            _source.HoldsBack = true;
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(3)]);
            while (_source.Orders.Count == 0) await Task.Yield();
            await MoveAsync(vm, region, from: 5, to: 3);
            _source.HoldsBack = false;
            _source.LetGo();

            await vcpus.WaitAsync();
            Entry entry = uffd.Context.Mm.EntryAt(PageSize.PageOf(region.Address) + 3);
            Assert.Equal(TestSource.WordOf(5), uffd.Context.Mm.Machine.BaseFolios.ReadLane(entry.Folio, 0));
            Assert.Equal([3L, 5L], _source.Orders.Select(o => o.FirstPage));
            Assert.Equal([5L], Enumerable.Range(0, Pages).Select(p => (long)p).Where(uffd.ReceivedOf(region).Contains));
        },
        UffdFeatures.EventRemap | UffdFeatures.EventUnmap);

    /// <summary>The same of a page whose protection is to be cleared: the hook must see the page that is written.</summary>
    [Fact]
    public void What_has_moved_to_where_another_page_was_written_is_shown_to_the_hook_as_itself()
    {
        List<long> seen = [];
        _host.Loop.Policy = new FifoPolicy();
        _host.Run(async () =>
        {
            await using UffdVm vm = await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemap | UffdFeatures.EventUnmap);
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing | RegisterModes.WriteProtect);
            await uffd.ServeAsync(new ServeOptions { Source = _source, BeforeWrite = (_, page) => seen.Add(page) });
            await (await vm.StartVcpusAsync([Steps.Reads(3, 5)])).WaitAsync();

            uffd.Context.BeginChange();
            VcpuGroup writer = await vm.StartVcpusAsync([Steps.Writes(3)]);
            while (uffd.Reader!.OutstandingRequests().All(r => r.Phase != RequestPhase.Deferred)) await Task.Yield();
            uffd.Context.EndChange();
            await MoveAsync(vm, region, from: 5, to: 3);
            await writer.WaitAsync();

            Assert.Equal([5L], seen);
        });
    }

    private static async Task MoveAsync(UffdVm vm, GuestRegion region, int from, int to) => await vm.CallAsync(
        "mremap",
        new RemapMemory(
            vm.Main, region.Address + ((ulong)from * PageSize.Base), PageSize.Base, PageSize.Base, RemapModes.MayMove | RemapModes.Fixed,
            region.Address + ((ulong)to * PageSize.Base)),
        call => call.Error,
        CancellationToken.None);

    private void Run(
        Func<UffdVm, GuestRegion, Userfault, Task> body, UffdFeatures features = UffdFeatures.None,
        RegisterModes modes = RegisterModes.Missing)
    {
        _host.Loop.Policy = new FifoPolicy();
        _host.Run(async () =>
        {
            await using UffdVm vm = await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync(features);
            _ = await uffd.RegisterAsync(region, modes);
            await uffd.ServeAsync(new ServeOptions { Source = _source, Resume = SourceResume.Manual });
            await body(vm, region, uffd);
        });
    }

    /// <summary>No page of the source is zeros, so a thread that reads zeros has been let go where it must not.</summary>
    private sealed class NoZeros : IContentCheck
    {
        public ulong? WordAt(int region, long page, int offset) => TestSource.WordOf(page);
    }
}
