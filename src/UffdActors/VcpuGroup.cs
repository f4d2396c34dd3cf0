using Akka.Actor;
using HdrHistogram;
using UffdActors.Actors;
using UffdActors.Statistics;

namespace UffdActors;

/// <summary>vCPUs that were started together.</summary>
public sealed class VcpuGroup
{
    private readonly IReadOnlyList<VcpuOptions> _vcpus;
    private readonly IReadOnlyList<IActorRef> _actors;
    private readonly BlockedClock _blocked;
    private readonly VmRoot _vm;

    internal VcpuGroup(IReadOnlyList<VcpuOptions> vcpus, IReadOnlyList<IActorRef> actors, BlockedClock blocked, VmRoot vm)
    {
        _vcpus = vcpus;
        _actors = actors;
        _blocked = blocked;
        _vm = vm;
    }

    /// <summary>Accesses that are through, of all vCPUs.</summary>
    public long Accesses => _vcpus.Sum(v => v.Progress.Accesses);

    /// <summary>Faults raised, of all vCPUs.</summary>
    public long Faults => _vcpus.Sum(v => v.Progress.Faults);

    /// <summary>The first thing that went wrong on a vCPU: a signal, or content that is not what it must be. Null if nothing did.</summary>
    public string? Error => _vcpus.Select(v => v.Progress.Error).FirstOrDefault(e => e is not null);

    /// <summary>Nanoseconds during which every vCPU with work left was blocked. Needs every fault to be stamped.</summary>
    public long AllBlockedNanoseconds => _blocked.AllBlockedNanoseconds;

    /// <summary>What each vCPU did. To be asked when the work has ended.</summary>
    public IReadOnlyList<VcpuReport> Reports() =>
        [.. _vcpus.Select(
            v => new VcpuReport(
                v.Number, v.Progress.Accesses, v.Progress.Faults, v.Progress.Latency.BlockedNanoseconds, v.Progress.Repeats))];

    /// <summary>Ends when every vCPU has done its work.</summary>
    /// <exception cref="VmFailedException">The VM has failed, or the vCPUs were stopped before their work had ended.</exception>
    /// <exception cref="Exception">What a workload, or a check of the content, has thrown.</exception>
    public Task WaitAsync(CancellationToken cancellationToken = default) =>
        _vm.OrFailed(Task.WhenAll(_vcpus.Select(v => v.Progress.Finished.Task)).WaitAsync(cancellationToken));

    /// <summary>Asks the vCPUs to end with their next access. One that waits for a page goes on waiting.</summary>
    public void Stop()
    {
        foreach (IActorRef actor in _actors) actor.Tell(VmProtocol.StopVcpu.Instance, ActorRefs.NoSender);
    }

    /// <summary>Latencies of all vCPUs together.</summary>
    internal LongHistogram Latencies()
    {
        LongHistogram all = new(1, 60_000_000_000, 3);
        foreach (VcpuOptions vcpu in _vcpus) all.Add(vcpu.Progress.Latency.Latency);
        return all;
    }

    internal IEnumerable<LatencyRecorder> Recorders() => _vcpus.Select(v => v.Progress.Latency);

    internal IReadOnlyList<IActorRef> Actors => _actors;
}
