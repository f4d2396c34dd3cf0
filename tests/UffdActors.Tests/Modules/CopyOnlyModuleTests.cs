using Akka.Configuration;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Modules;

/// <summary>Memory without ZEROPAGE is served all the same: zeros are copied (RING F17).</summary>
public sealed class CopyOnlyModuleTests
{
    private const int Pages = 8;

    [Fact]
    public void A_demand_of_a_page_of_zeros_is_copied() => Served(async (vm, region, uffd, source) =>
    {
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(3)]);
        await vcpus.WaitAsync();
        Assert.Null(vcpus.Error);
        Assert.Equal((1L, 1L), (uffd.Faults, uffd.Counts().DemandZeroPages));
        Assert.Equal(0UL, WordAt(vm, region, 3));
    });

    [Fact]
    public void A_push_of_zeros_and_bytes_copies_both() => Served(async (vm, region, uffd, source) =>
    {
        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync();
        Assert.Equal((Pages, 0L), (push.ReceivedPages, push.AbsentPages));
        Assert.Equal(5, push.ZeroPages);
        for (int page = 0; page < Pages; page++)
            Assert.Equal(source.Zeros.Contains(page) ? 0 : TestSource.WordOf(page), WordAt(vm, region, page));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_module_that_denies_a_fill_is_named_and_no_filter_of_the_process(bool byPush)
    {
        CopyOnlyModule.Refuses.Value = Errno.EPERM;
        Served(async (vm, region, uffd, source) =>
        {
            if (byPush) _ = await uffd.PushAsync(region, source);
            else _ = await vm.StartVcpusAsync([Steps.Reads(1)]);
            Incident incident = await vm.Incidents.ReadAsync();
            Assert.Contains("EPERM (the memory module's own hook, Copy or", incident.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_hang_of_stepped_code_tells_the_incident_that_was_not_read()
    {
        CopyOnlyModule.Refuses.Value = Errno.EPERM;
        using SteppedHost host = NewHost();
        TimeSpan patience = host.Patience;
        host.Patience = TimeSpan.Zero;
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => Served(host, async (vm, region, uffd, source) =>
            await (await vm.StartVcpusAsync([Steps.Reads(1)])).WaitAsync()));
        Assert.Contains("it hangs. An incident that was not read: UFFDIO_COPY of page 1", thrown.Message, StringComparison.Ordinal);
        host.Patience = patience;
    }

    private static ulong WordAt(UffdVm vm, GuestRegion region, long page)
    {
        byte[] word = new byte[sizeof(ulong)];
        Assert.True(vm.NewReader().TryRead(region, page, word), $"page {page} is absent");
        return BitConverter.ToUInt64(word);
    }

    private static SteppedHost NewHost() =>
        new(ConfigurationFactory.ParseString($"uffd.modules = [\"{typeof(CopyOnlyModule).FullName}, UffdActors.Tests\"]"));

    private static void Served(Func<UffdVm, GuestRegion, Userfault, TestSource, Task> body)
    {
        using SteppedHost host = NewHost();
        Served(host, body);
    }

    private static void Served(SteppedHost host, Func<UffdVm, GuestRegion, Userfault, TestSource, Task> body) =>
        host.Run(async () =>
        {
            using TestSource source = new(Pages);
            source.Zeros.UnionWith([0, 2, 3, 4, 7]);
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "copy-only" });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            await body(vm, region, uffd, source);
            Assert.False(vm.Incidents.TryRead(out Incident? incident), incident?.Message);
            await uffd.AbandonAsync();
        });
}
