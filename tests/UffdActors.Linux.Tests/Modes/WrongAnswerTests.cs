using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Answers that make no sense: each is refused with an incident that names the source, the order is tried again, and nobody hangs or dies.
/// </summary>
public sealed class WrongAnswerTests
{
    private const int Pages = 64;

    /// <summary>Kinds of wrongness, and a part of what the incident says.</summary>
    private static readonly Dictionary<string, (Func<PageOrder, IPageReceiver, bool> Answer, string Says)> Wrongs = new()
    {
        ["an unknown order"] = (With((o, r) => r.Received(o.Id + 1000, o.FirstPage, o.Pages, SourceContent.Zero, 0)), "answered order "),
        ["a negative order"] = (With((o, r) => r.Received(-1, o.FirstPage, o.Pages, SourceContent.Zero, 0)), "answered order -1"),
        ["a failure of an unknown order"] = (With((o, r) => r.Failed(o.Id + 1000, new IOException("no"))), "answered order "),
        ["another page"] = (With((o, r) => r.Received(o.Id, o.FirstPage + o.Pages, 1, SourceContent.Zero, 0)), "with page "),
        ["a page beyond everything"] =
            (With((o, r) => r.Received(o.Id, long.MaxValue, int.MaxValue, SourceContent.Zero, 0)), "with page 9223372036854775807"),
        ["a page before everything"] =
            (With((o, r) => r.Received(o.Id, long.MinValue, int.MaxValue, SourceContent.Zero, 0)), "with page -9223372036854775808"),
        ["minus one page"] = (With((o, r) => r.Received(o.Id, o.FirstPage, -1, SourceContent.Zero, 0)), "with -1 pages"),
        ["no pages"] = (With((o, r) => r.Received(o.Id, o.FirstPage, 0, SourceContent.Zero, 0)), "with 0 pages"),
        ["an undefined content"] =
            (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, (SourceContent)7, 0)), "with content 7, which is none"),
        ["a stamp"] = (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Stamp, 77)),
            "with a stamp, and this memory has bytes only"),
        ["a failure without a reason"] = (With((o, r) => r.Failed(o.Id, null!)), "reported a failure of the order for page"),
        ["the null address"] =
            (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, 0)), "bytes at 0x0, which cannot be read"),
        ["an address in the null page"] =
            (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, 8)), "bytes at 0x8, which cannot be read"),
        ["an address that nothing is at"] = (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, 0x1_0000)),
            "bytes at 0x10000, which cannot be read"),
        ["an address of the kernel"] = (With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, -4096)),
            "bytes at 0xfffffffffffff000, which cannot be read"),
        ["an address of no process"] = (
            With((o, r) => r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, unchecked((nint)0x8000_0000_0000_0000))),
            "bytes at 0x8000000000000000, which cannot be read"),
    };

    public static TheoryData<string, string, bool, string?> Cases
    {
        get
        {
            TheoryData<string, string, bool, string?> cases = [];
            foreach (string world in (string[])["model", "live"])
            {
                foreach (string wrong in Wrongs.Keys)
                {
                    cases.Add(world, wrong, false, null);
                    cases.Add(world, wrong, true, null);
                }

                // Memory that is filled through an alias, and pages that are gathered from parts.
                foreach (string wrong in (string[])["the null address", "an address that nothing is at", "a stamp", "another page"])
                    cases.Add(world, wrong, false, "shmem");
            }

            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task A_demand_outlives_an_answer_that_is_wrong(string world, string wrong, bool atOnce, string? module)
    {
        using ScriptedSource source = new(Pages, atOnce);
        (source.Script, string says) = Wrongs[wrong];
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await RegisterAsync(vm, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 3);

        AssertNames(await vm.IncidentAsync(), says);
        Assert.Equal(IncidentKind.SourceFailed, (await vm.IncidentAsync()).Kind);
        Assert.Equal(0, vcpu.Accesses);
        source.ComeBack();
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        Assert.Equal(IncidentKind.OutageEnded, (await vm.IncidentAsync()).Kind);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task A_push_outlives_an_answer_that_is_wrong(string world, string wrong, bool atOnce, string? module)
    {
        using ScriptedSource source = new(Pages, atOnce);
        (source.Script, string says) = Wrongs[wrong];
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await RegisterAsync(vm, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        AssertNames(await vm.IncidentAsync(), says);
        Assert.Equal(IncidentKind.SourceFailed, (await vm.IncidentAsync()).Kind);
        Assert.Equal(0, push.ReceivedPages);
        source.ComeBack();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(63), vm.Word(region, 63));
    }

    // Whoever copied from there would wait for itself (RING L6): its own absent page, its neighbour, the last page, another userfaultfd's
    // memory.
    [SkippableTheory]
    [InlineData("model", false, 60)]
    [InlineData("model", true, 3)]
    [InlineData("live", false, 60)]
    [InlineData("live", true, 60)]
    [InlineData("live", false, 3)]
    [InlineData("live", true, Pages - 1)]
    [InlineData("live", false, -1)]
    [InlineData("live", true, -1)]
    public async Task Bytes_in_memory_that_is_waited_for_are_refused(string world, bool atOnce, int page)
    {
        using ScriptedSource source = new(Pages, atOnce);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion other = await vm.MapAsync(Pages);
        Userfault second = await vm.Vm.OpenAsync();
        _ = await second.RegisterAsync(other, RegisterModes.Missing);
        nint address = page < 0 ? (nint)other.Address : (nint)region.Address + (page * PageSize.Base);
        source.Script = With((o, r) => r.Received(o.Id, o.FirstPage, 1, SourceContent.Bytes, address));
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 5);

        AssertNames(await vm.IncidentAsync(), $"bytes at 0x{address:x}, ");
        Assert.Equal(0, vcpu.Accesses);
        source.ComeBack();
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(5), vm.Word(region, 5));
        // Nobody serves it, and nothing is absent that anybody waits for.
        await second.AbandonAsync(AbsentPages.ReadAsZeros);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task A_source_that_answers_at_once_and_short_is_named(string world, bool push)
    {
        using ScriptedSource source = new(Pages, answersAtOnce: true);
        source.Script = With((o, r) =>
        {
            if (o.Pages > 1) r.Received(o.Id, o.FirstPage, 1, SourceContent.Zero, 0);
        });
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup? vcpu = push ? null : await vm.StartAsync(region, isWrite: false, 3);
        BackgroundPush? background = push ? await vm.Uffd.PushAsync(region, source) : null;

        AssertNames(await vm.IncidentAsync(), "says that it answers at once, and did not answer the order for page");
        source.ComeBack();
        if (vcpu is not null) await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        if (background is not null) await background.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [InlineData("model", 0)]
    [InlineData("model", 1)]
    [InlineData("live", 0)]
    [InlineData("live", 1)]
    public async Task An_order_that_is_not_answered_in_full_is_given_again_and_late_answers_still_count(string world, int answered)
    {
        using ScriptedSource source = new(Pages);
        List<(PageOrder Order, IPageReceiver Receiver)> open = [];
        source.Script = (o, r) =>
        {
            lock (open) open.Add((o, r));
            if (answered > 0 && o.Pages > 1) r.Received(o.Id, o.FirstPage, answered, SourceContent.Zero, 0);
            return true;
        };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = TimeSpan.FromMilliseconds(100) });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        Incident silence = await vm.IncidentAsync();
        AssertNames(silence, "has not answered the order for pages 0 to 63 of region 0 in full for 0.1 s");
        if (answered > 0) Assert.Contains("(63 pages of it are missing)", silence.Message, StringComparison.Ordinal);
        await LiveScene.UntilAsync(() =>
        {
            lock (open) return open.Count >= 2;
        });
        // The first order, not the one that was given again.
        source.ComeBack();
        (PageOrder first, IPageReceiver receiver) = open[0];
        Assert.NotEqual(first.Buffer, open[1].Order.Buffer);
        source.Request(first, receiver);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(63), vm.Word(region, 63));
        // Answers to what is over do no harm.
        foreach ((PageOrder order, IPageReceiver to) in open) to.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task A_source_that_loses_many_orders_is_asked_again_for_as_long_as_somebody_waits(string world, bool push)
    {
        const int Lost = 8;
        using ScriptedSource source = new(Pages);
        int asked = 0;
        source.Script = (_, _) => Interlocked.Increment(ref asked) <= Lost;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = TimeSpan.FromMilliseconds(5) });

        if (push) await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        else await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        AssertNames(await vm.IncidentAsync(), "it is given again");
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task Recover_gives_orders_again_that_a_source_has_lost(string world, bool push)
    {
        using ScriptedSource source = new(Pages);
        source.Script = (_, _) => true;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        // Nobody would ask again by himself before this test has given up.
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = LiveScene.Deadline * 2 });
        BackgroundPush? background = push ? await vm.Uffd.PushAsync(region, source) : null;
        VcpuGroup? vcpu = push ? null : await vm.StartAsync(region, isWrite: false, 3);
        await LiveScene.UntilAsync(() => source.Asked == 1);
        source.ComeBack();

        vm.Uffd.Recover();

        if (background is not null) await background.WaitAsync().WaitAsync(LiveScene.Deadline);
        if (vcpu is not null) await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        Assert.False(vm.Vm.Incidents.TryRead(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task Bytes_at_an_unaligned_address_are_as_good_as_any(string world, bool push)
    {
        // Words that say which page they are, all of them one byte further on.
        using NativeBuffer bytes = new((Pages << PageSize.BaseShift) + 1);
        for (int page = 0; page < Pages; page++)
        {
            for (int offset = 0; offset < PageSize.Base; offset += sizeof(ulong))
                bytes.Write(1 + (page << PageSize.BaseShift) + offset, BitConverter.GetBytes(PageBytes.WordOf(page)));
        }

        using ScriptedSource source = new(Pages);
        source.Script = With(
            (o, r) =>
                r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Bytes, bytes.Address + 1 + (nint)(o.FirstPage << PageSize.BaseShift)));
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        if (push) await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        else await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3, PageSize.Base - sizeof(ulong)));
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    // Nothing of it but what was asked for is looked at: the bytes on both sides are in memory that nobody can read.
    [SkippableTheory]
    [InlineData("model", false, false)]
    [InlineData("model", true, false)]
    [InlineData("model", false, true)]
    [InlineData("live", false, false)]
    [InlineData("live", true, false)]
    [InlineData("live", false, true)]
    public async Task Of_an_answer_with_more_pages_than_were_ordered_those_that_were_are_taken(string world, bool push, bool atOnce)
    {
        using ScriptedSource source = new(Pages, atOnce);
        source.Script = With((o, r) =>
        {
            for (int page = 0; page < o.Pages; page++)
                o.Room(o.FirstPage + page, 1).Fill((byte)(1 + o.FirstPage + page));
            const long More = 1 << 30;
            r.Received(
                o.Id, o.FirstPage - More, (int)More + o.Pages + 1000, SourceContent.Bytes, (nint)(o.Buffer - (More << PageSize.BaseShift)));
        });
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        if (push) await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        else await (await vm.StartAsync(region, isWrite: false, 3, 5)).WaitAsync().WaitAsync(LiveScene.Deadline);

        long[] there = push ? [.. Enumerable.Range(0, Pages).Select(p => (long)p)] : [3, 5];
        // Live a vCPU may go on before the turn in which its page is counted.
        await LiveScene.UntilAsync(() => vm.Uffd.ReceivedOf(region).Count >= there.Length);
        Assert.Equal(there.Length, vm.Uffd.ReceivedOf(region).Count);
        foreach (long page in there) Assert.Equal(0x0101010101010101UL * (ulong)(page + 1), vm.Word(region, page));
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task What_is_wrong_for_ever_is_reported_a_few_times_only(string world)
    {
        using ScriptedSource source = new(Pages);
        source.Script = With((o, r) =>
        {
            for (int i = 0; i < 1000; i++) r.Received(o.Id, o.FirstPage, -1, SourceContent.Zero, 0);
            r.Received(o.Id, o.FirstPage, o.Pages, SourceContent.Zero, 0);
        });
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.StartAsync(region, isWrite: false, [.. Enumerable.Range(0, 15).Select(i => (long)i)])).WaitAsync()
            .WaitAsync(LiveScene.Deadline);

        List<string> said = [];
        while (vm.Vm.Incidents.TryReadOther(out Incident? incident)) said.Add(incident.Message);
        Assert.Equal(3, said.Count);
        Assert.Contains("(the 10000th answer of this kind)", said[2], StringComparison.Ordinal);
    }

    private static async Task<GuestRegion> RegisterAsync(EitherWorld vm, string? module)
    {
        if (module is null) return await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = module, WithAlias = true });
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Minor);
        return region;
    }

    private static void AssertNames(Incident incident, string says)
    {
        Assert.Equal(IncidentKind.WrongAnswer, incident.Kind);
        Assert.Contains("Page source image-7 (ScriptedSource)", incident.Message, StringComparison.Ordinal);
        Assert.Contains(says, incident.Message, StringComparison.Ordinal);
    }

    private static Func<PageOrder, IPageReceiver, bool> With(Action<PageOrder, IPageReceiver> answer) => (order, receiver) =>
    {
        answer(order, receiver);
        return true;
    };
}
