namespace UffdActors.Bench.Live;

/// <summary>One number of vCPUs.</summary>
internal sealed record LiveFaultRow
{
    /// <summary>vCPUs.</summary>
    public required int Vcpus { get; init; }

    /// <summary>The loop in C#, without actors.</summary>
    public required LiveFigures Direct { get; init; }

    /// <summary>The ring.</summary>
    public required LiveFigures Ring { get; init; }

    /// <summary>The loop in C; null if there was none.</summary>
    public required LiveFigures? Native { get; init; }

    /// <summary>Rate of the ring over that of the direct loop, repeat by repeat.</summary>
    public required Spread RingOverDirect { get; init; }

    /// <summary>99th percentile of the ring over that of the direct loop, repeat by repeat.</summary>
    public required Spread RingP99OverDirect { get; init; }

    /// <summary>Rate of the ring over that of the loop in C, repeat by repeat; null if there was none.</summary>
    public required Spread? RingOverNative { get; init; }

    /// <summary>The rings of several VMs, each on a CPU of its own, beside that of one; null if there is one.</summary>
    public required SideBySide? Vms { get; init; }

    /// <summary>KVM vCPUs beside the threads of the others; null if there are none.</summary>
    public required KvmRow? Kvm { get; init; }

    internal static LiveFaultRow Of(LiveCell cell, int vms) => new()
    {
        Vcpus = cell.Vcpus,
        Direct = LiveFigures.Of(cell.Repeats.Select(r => r.Direct), cell.Vcpus),
        Ring = LiveFigures.Of(cell.Repeats.Select(r => r.Ring), cell.Vcpus),
        Native = cell.Repeats[0].Native is null ? null : LiveFigures.Of(cell.Repeats.Select(r => r.Native!), cell.Vcpus),
        RingOverDirect = Spread.Of(cell.Repeats.Select(r => r.Ring.FaultsPerSecond / r.Direct.FaultsPerSecond)),
        RingP99OverDirect = Spread.Of(cell.Repeats.Select(r => r.Ring.P99Nanoseconds / r.Direct.P99Nanoseconds)),
        RingOverNative =
            cell.Repeats[0].Native is null ? null : Spread.Of(cell.Repeats.Select(r => r.Ring.FaultsPerSecond / r.Native!.FaultsPerSecond)),
        Vms = cell.Repeats[0].Vms is null
            ? null
            : new SideBySide(
                vms,
                Spread.Of(cell.Repeats.Select(r => r.Vms!.FaultsPerSecond)),
                Spread.Of(cell.Repeats.Select(r => r.Vms!.FaultsPerSecond / r.Ring.FaultsPerSecond))),
        Kvm = KvmRow.Of(cell),
    };
}
