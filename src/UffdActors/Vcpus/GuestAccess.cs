using UffdActors.Dispatch;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Statistics;

namespace UffdActors.Vcpus;

/// <summary>An access of a vCPU, with the time stamps of the fault that it may become.</summary>
internal sealed class GuestAccess : Access
{
    private readonly FaultTrace _trace = new();
    private readonly RingTime _time;
    private readonly BlockedClock _blocked;
    private readonly int _vcpu;
    private readonly int _sampleEvery;
    private int _untilSample = 1;

    /// <param name="caller">The vCPU's thread.</param>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="time">Clock.</param>
    /// <param name="blocked">Clock of the time during which all vCPUs are blocked.</param>
    /// <param name="sampleEvery">1 to stamp every fault, 64 to stamp one in 64.</param>
    public GuestAccess(Caller caller, int vcpu, RingTime time, BlockedClock blocked, int sampleEvery)
        : base(caller)
    {
        _vcpu = vcpu;
        _time = time;
        _blocked = blocked;
        _sampleEvery = sampleEvery;
    }

    /// <summary>Faults of this vCPU so far.</summary>
    public long Faults { get; private set; }

    /// <summary>The stamps of the fault under way, or of the latest; null if it is not a sampled one.</summary>
    public FaultTrace? Trace { get; private set; }

    /// <summary>The fault has been resolved and the access is through: the trace of it, if it was sampled.</summary>
    public FaultTrace? TakeTrace()
    {
        if (Trace is not { } trace) return null;
        Trace = null;
        trace.Resumed = _time.Now;
        if (_sampleEvery == 1) _blocked.Resumed(trace.Resumed);
        return trace;
    }

    protected override void OnFault()
    {
        Faults++;
        // A second fault of the same access (woken for nothing, or write protection behind it) is still the same wait of the vCPU.
        if (Trace is not null || --_untilSample > 0) return;
        _untilSample = _sampleEvery;
        long now = _time.Now;
        _trace.Begin(Faults, _vcpu, Address, now);
        Trace = _trace;
        if (_sampleEvery == 1) _blocked.Blocked(now);
    }

    protected override void OnWoken()
    {
        if (Trace is { } trace) trace.Woken = _time.Now;
    }
}
