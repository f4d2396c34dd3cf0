using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Model.Inputs;
using UffdActors.Statistics;
using UffdActors.Vcpus;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// The guest of a VM: its vCPUs, how it is stopped for good, and whether its pages may be poisoned. Stopping and poisoning decide what may
/// still be started. Safe for any thread.
/// </summary>
internal sealed class VmGuest
{
    private readonly VmRoot _root;
    private readonly VmKernel _kernel;
    private readonly Func<CancellationToken, Task>? _stop;
    private readonly Action<FaultTrace>? _faults;
    private readonly Lazy<Task> _othersStop;
    private readonly Lock _gate = new();
    private readonly List<IReadOnlyList<IActorRef>> _vcpus = [];
    private bool _isStopped;
    private bool _mayBePoisoned;

    /// <summary>Makes it.</summary>
    /// <param name="root">The VM's root.</param>
    /// <param name="kernel">The VM's kernel.</param>
    /// <param name="stop">Stops what of the guest is the embedder's; null if nothing is.</param>
    /// <param name="faults">Told of each stamped fault; null for none.</param>
    public VmGuest(VmRoot root, VmKernel kernel, Func<CancellationToken, Task>? stop, Action<FaultTrace>? faults)
    {
        _root = root;
        _kernel = kernel;
        _stop = stop;
        _faults = faults is null
            ? null
            : new GuardedObserver<FaultTrace>(
                $"{nameof(VmOptions)}.{nameof(VmOptions.FaultObserver)}", faults, root.Context.Incidents).Tell;
        _othersStop = new Lazy<Task>(StopOthersAsync);
    }

    /// <summary>Starts vCPUs: all of them run from the same moment.</summary>
    /// <param name="workloads">What each does.</param>
    /// <param name="blocked">Measures when all of them are blocked.</param>
    /// <param name="sampleEvery">1 to stamp every fault, n to stamp one in n.</param>
    /// <param name="check">Checks what they read; null for nothing.</param>
    /// <exception cref="InvalidOperationException">It has been stopped for good, or may meet poison that ends the process.</exception>
    public async Task<(IReadOnlyList<VcpuOptions> Vcpus, IReadOnlyList<IActorRef> Actors)> StartAsync(
        IReadOnlyList<IWorkload> workloads, BlockedClock blocked, int sampleEvery, IContentCheck? check)
    {
        lock (_gate)
        {
            if (_mayBePoisoned && !_kernel.GuestSurvivesPoison)
                throw new InvalidOperationException(
                    $"Pages of {_root.Name} may be poisoned: a vCPU in this process that touches one would end it. Run the guest in a "
                        + $"process of its own.");
            if (_isStopped)
                throw new InvalidOperationException(
                    $"The guest of {_root.Name} has been stopped for good, for pages of it were given up; start from the source again.");
        }

        VcpuRegion[] regions = [.. _kernel.Regions.All.Select(r => new VcpuRegion(r.Address, r.Pages))];
        List<VcpuOptions> vcpus = [];
        for (int i = 0; i < workloads.Count; i++)
            vcpus.Add(
                new VcpuOptions(
                    i, _kernel.NewVcpu(), workloads[i], regions,
                    new VcpuProgress(_root.NewCompletion(), _faults) { Accesses = workloads[i].FirstAccess }, blocked, sampleEvery, check));
        IReadOnlyList<IActorRef> actors = await _root.StartVcpusAsync(vcpus);
        lock (_gate) _vcpus.Add(actors);
        return (vcpus, actors);
    }

    /// <summary>Stops the guest, for good: every vCPU, and then what the embedder stops.</summary>
    public async Task StopAsync()
    {
        await StopVcpusAsync();
        await StopOthersOnceAsync();
    }

    /// <summary>Stops every vCPU, for good: none is started any more.</summary>
    public async Task StopVcpusAsync()
    {
        IReadOnlyList<IActorRef>[] groups;
        lock (_gate)
        {
            _isStopped = true;
            groups = [.. _vcpus];
        }

        _kernel.HaltGuest();
        foreach (IReadOnlyList<IActorRef> group in groups) await _root.StopAsync(group);
    }

    /// <summary>Stops the embedder's part of the guest; once, however often it is called.</summary>
    public Task StopOthersOnceAsync() => _othersStop.Value;

    /// <summary>From here on pages may be poisoned.</summary>
    /// <exception cref="InvalidOperationException">A vCPU would take the process along.</exception>
    public void AllowPoison()
    {
        lock (_gate)
        {
            if (_vcpus.Count > 0 && !_kernel.GuestSurvivesPoison)
                throw new InvalidOperationException(
                    $"{_root.Name} has vCPUs in this process, and one that touches a poisoned page would end it. Run the guest in a "
                        + $"process of its own.");
            _mayBePoisoned = true;
        }
    }

    private async Task StopOthersAsync()
    {
        if (_stop is not { } stop) return;
        TimeSpan timeout = _root.CloseTimeout;
        try
        {
            using CancellationTokenSource late = new(timeout);
            await stop(late.Token).WaitAsync(timeout);
            _kernel.StopHasEnded(isStopped: true);
        }
        catch (Exception e)
        {
            _kernel.StopHasEnded(isStopped: false);
            string what = e is TimeoutException or OperationCanceledException
                ? $"has not ended within {timeout}"
                : $"has failed: {ForeignText.Of(e)}";
            _root.Context.Incidents.Report(new Incident(
                IncidentKind.GuestNotStopped,
                $"{nameof(VmOptions)}.{nameof(VmOptions.StopGuest)} of {_root.Name} {what}; its guest is taken to run on, so what it may "
                    + $"still wait for is not closed.",
                e));
        }
    }
}
