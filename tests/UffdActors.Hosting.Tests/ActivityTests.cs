using System.Diagnostics;

namespace UffdActors.Hosting.Tests;

/// <summary>The activity source "UffdActors", as a listener has it.</summary>
[Collection(nameof(OneRuntimeCollection))]
public sealed class ActivityTests
{
    private const int Pages = 256;

    [Fact]
    public async Task Calls_and_one_fault_in_some_are_activities_with_their_stations()
    {
        List<Activity> ended = [];
        using ActivityListener listener = Listener(ended, ActivitySamplingResult.AllData);
        await RunAsync();

        Assert.Equal(
            ["uffd.map", "uffd.open", "uffd.register", "uffd.serve"],
            ended.Select(a => a.DisplayName).Where(n => n is not ("uffd.fault" or "uffd.close")));
        Assert.All(ended.Where(a => a.DisplayName == "uffd.map"), a => Assert.Contains(a.TagObjects, t => t.Key == "uffd.vm"));
        // 256 faults of one vCPU; the first of each 64.
        Activity[] faults = [.. ended.Where(a => a.DisplayName == "uffd.fault")];
        Assert.Equal(4, faults.Length);
        Assert.All(faults, fault =>
        {
            Assert.Equal(["read", "requested", "data", "installed", "woken"], fault.Events.Select(e => e.Name));
            Assert.Equal(fault.Events.Select(e => e.Timestamp).Order(), fault.Events.Select(e => e.Timestamp));
            Assert.InRange(fault.Events.First().Timestamp.UtcDateTime, fault.StartTimeUtc, fault.StartTimeUtc + fault.Duration);
            Assert.Equal(0, fault.GetTagItem("uffd.vcpu"));
        });
    }

    [Fact]
    public async Task A_call_that_is_refused_says_so()
    {
        List<Activity> ended = [];
        using ActivityListener listener = Listener(ended, ActivitySamplingResult.AllData);
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        _ = await Assert.ThrowsAsync<UffdException>(() => vm.MapAsync(new RegionOptions { Pages = 1L << 50 }));

        Activity map = Assert.Single(ended, a => a.DisplayName == "uffd.map");
        Assert.Equal(ActivityStatusCode.Error, map.Status);
        Assert.Contains("ENOMEM", map.StatusDescription, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_listener_does_not_want_is_not_made()
    {
        List<Activity> ended = [];
        using ActivityListener listener = Listener(ended, ActivitySamplingResult.None);
        await RunAsync();
        Assert.Empty(ended);
    }

    private static async Task RunAsync()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 2 * Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        using LosingSource source = new(Pages);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, Pages, Pages, 0, 1, 0, 1)]);
        await vcpu.WaitAsync();
    }

    private static ActivityListener Listener(List<Activity> ended, ActivitySamplingResult result)
    {
        ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == "UffdActors",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => result,
            ActivityStopped = activity =>
            {
                lock (ended) ended.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
