namespace UffdActors.Bench.Live;

/// <summary>KVM vCPUs of one number.</summary>
/// <param name="Ring">The ring.</param>
/// <param name="Native">The program in C; null if there was none.</param>
/// <param name="RingOverNative">Rate of the ring over that of the program in C, repeat by repeat; null if there was none.</param>
/// <param name="OverThreads">Rate of the ring with KVM vCPUs over that with threads, repeat by repeat.</param>
internal sealed record KvmRow(KvmFigures Ring, KvmFigures? Native, Spread? RingOverNative, Spread OverThreads)
{
    internal static KvmRow? Of(LiveCell cell)
    {
        if (cell.Repeats[0].Kvm is null) return null;
        bool hasNative = cell.Repeats[0].KvmNative is not null;
        return new KvmRow(
            KvmFigures.Of(cell.Repeats.Select(r => r.Kvm!), cell.Vcpus),
            hasNative ? KvmFigures.Of(cell.Repeats.Select(r => r.KvmNative!), cell.Vcpus) : null,
            hasNative ? Spread.Of(cell.Repeats.Select(r => r.Kvm!.FaultsPerSecond / r.KvmNative!.FaultsPerSecond)) : null,
            Spread.Of(cell.Repeats.Select(r => r.Kvm!.FaultsPerSecond / r.Ring.FaultsPerSecond)));
    }
}
