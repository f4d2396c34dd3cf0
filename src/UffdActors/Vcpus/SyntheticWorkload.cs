using UffdActors.Configuration;
using UffdActors.Model.Memory;
using UffdActors.Vcpus;

namespace UffdActors;

/// <summary>A synthetic workload of one vCPU over one region. Two of them with the same arguments are the same.</summary>
public sealed class SyntheticWorkload : IWorkload
{
    private const int StridePages = 17;

    private readonly WorkloadKind _kind;
    private readonly long _pages;
    private readonly long _accesses;
    private readonly double _writeRatio;
    private readonly ulong _seed;
    private readonly long _start;
    private readonly ZipfGenerator? _zipf;
    private ulong _state;
    private long _next;

    /// <summary>Makes a workload.</summary>
    /// <param name="kind">Pattern.</param>
    /// <param name="pages">Pages of the region, at least 1.</param>
    /// <param name="accesses">Accesses, at least 0.</param>
    /// <param name="writeRatio">Share of writes, 0 to 1.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="vcpus">vCPUs of the run.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public SyntheticWorkload(WorkloadKind kind, long pages, long accesses, double writeRatio, ulong seed, int vcpu, int vcpus)
    {
        OptionRange.Defined(kind, nameof(kind));
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(accesses);
        // Not a number is outside as well.
        OptionRange.Within(writeRatio, 0, 1, nameof(writeRatio));
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpus, 1);
        OptionRange.Within(vcpu, 0, vcpus - 1, nameof(vcpu));
        _kind = kind;
        _pages = pages;
        _accesses = accesses;
        _writeRatio = writeRatio;
        ulong mixed = seed;
        _seed = SplitMix.Next(ref mixed) ^ GoldenRatio.Hash((ulong)vcpu);
        _start = pages * vcpu / vcpus;
        _zipf = kind == WorkloadKind.Zipf ? new ZipfGenerator(pages) : null;
        Reset();
    }

    /// <inheritdoc />
    public void Reset()
    {
        _state = _seed;
        _next = 0;
    }

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        if (_next >= _accesses)
        {
            step = default;
            return false;
        }

        step = new GuestStep(0, NextPage(), Chance() < _writeRatio);
        _next++;
        return true;
    }

    private long NextPage() => _kind switch
    {
        WorkloadKind.Sequential => (_start + _next) % _pages,
        WorkloadKind.Stride => (long)(((ulong)_start + ((ulong)_next * StridePages) + (ulong)(_next / _pages)) % (ulong)_pages),
        WorkloadKind.Zipf => Scatter(_zipf!.Next(Chance())),
        WorkloadKind.HotCold => Scatter(Chance() < 0.9 ? Below(Math.Max(1, _pages / 10)) : Below(_pages)),
        _ => Below(_pages),
    };

    private double Chance() => (SplitMix.Next(ref _state) >> 11) * (1.0 / (1UL << 53));

    private long Below(long limit) => (long)(SplitMix.Next(ref _state) % (ulong)limit);

    // Popular pages are not neighbours in a guest. Collisions only make a page more popular.
    private long Scatter(long rank)
    {
        ulong state = (ulong)rank;
        return (long)(SplitMix.Next(ref state) % (ulong)_pages);
    }
}
