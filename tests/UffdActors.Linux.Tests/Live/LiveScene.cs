using System.Diagnostics;
using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A VM on the real kernel: one region, registered and served.</summary>
internal sealed class LiveScene : IAsyncDisposable
{
    /// <summary>Nothing here takes long; whoever waits as long as this waits for ever.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    private readonly UffdRuntime _runtime;

    private LiveScene(UffdRuntime runtime, UffdVm vm, Userfault uffd, GuestRegion region, PageBytes source)
    {
        _runtime = runtime;
        Vm = vm;
        Uffd = uffd;
        Region = region;
        Source = source;
    }

    public UffdVm Vm { get; }

    public Userfault Uffd { get; }

    public GuestRegion Region { get; }

    public PageBytes Source { get; }

    public static async Task<LiveScene> StartAsync(
        PageBytes source,
        UffdFeatures features = UffdFeatures.None,
        int handlers = 1,
        IHandlerProbe? probe = null,
        Func<LiveBackend>? backend = null,
        string? module = null,
        RegisterModes modes = RegisterModes.Missing,
        TimeSpan? patience = null,
        SourceResume? resume = null)
    {
        ThisKernel.Require();
        UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        // A userfaultfd with EVENT_FORK that is left open would keep the children of later forks of this process.
        Func<CancellationToken, Task>? stop = (features & UffdFeatures.EventFork) != 0 ? static _ => Task.CompletedTask : null;
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1, Probe = probe, StopGuest = stop });
        if (backend is not null) ((LiveKernel)vm.Kernel).NewBackend = _ => backend();
        GuestRegion region =
            await vm.MapAsync(new RegionOptions { Pages = source.Pages, Module = module, WithAlias = modes == RegisterModes.Minor });
        Userfault uffd = await vm.OpenAsync(features);
        _ = await uffd.RegisterAsync(region, modes);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = handlers, SourcePatience = patience, Resume = resume });
        return new LiveScene(runtime, vm, uffd, region, source);
    }

    public Task<VcpuGroup> RunAsync(params IWorkload[] workloads) => Vm.StartVcpusAsync(workloads, 1, Source, CancellationToken.None);

    /// <summary>Waits for a condition.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        long begun = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(begun) < Deadline, "what was waited for has not come.");
            await Task.Yield();
        }
    }

    public async Task<Incident> IncidentAsync(IncidentKind kind)
    {
        while (true)
        {
            Incident incident = await Vm.Incidents.ReadOtherAsync();
            if (incident.Kind == kind) return incident;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Vm.DisposeAsync();
        await _runtime.DisposeAsync();
        Source.Dispose();
    }
}
