using System.Buffers.Binary;
using System.Security.Cryptography;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// Compares the destination with the source. The guest's own writes are computed: each vCPU writes to its own lane, and its workload can be
/// replayed without a guest.
/// </summary>
internal static class Verification
{
    private const int StepsPerLook = 1 << 16;

    /// <summary>Hashes both sides, at the same time.</summary>
    public static async Task<Comparison> CompareAsync(
        GuestImage image, UffdVm vm, GuestRegion region, IReadOnlyList<IWorkload> workloads, VcpuGroup vcpus, bool isStepped,
        CancellationToken cancel)
    {
        IReadOnlyList<Dictionary<long, ulong>> writes = Writes(workloads, [.. vcpus.Reports().Select(v => v.Accesses)], cancel);
        long lanes = writes.Sum(w => (long)w.Count);
        // The stepped dispatcher uses one thread only.
        if (isStepped)
        {
            (string destination, long missing) = Destination(vm, region, cancel);
            return new Comparison(Source(image, writes, cancel), destination, missing, lanes);
        }

        Task<string> source = Task.Run(() => Source(image, writes, cancel), cancel);
        Task<(string Hash, long Missing)> other = Task.Run(() => Destination(vm, region, cancel), cancel);
        (string hash, long absent) = await other;
        return new Comparison(await source, hash, absent, lanes);
    }

    private static List<Dictionary<long, ulong>> Writes(
        IReadOnlyList<IWorkload> workloads, IReadOnlyList<long> accesses, CancellationToken cancel)
    {
        List<Dictionary<long, ulong>> all = [];
        for (int vcpu = 0; vcpu < workloads.Count; vcpu++)
        {
            Dictionary<long, ulong> last = [];
            workloads[vcpu].Reset();
            for (long i = 0; i < accesses[vcpu] && workloads[vcpu].TryNext(out GuestStep step); i++)
            {
                if (i % StepsPerLook == 0) cancel.ThrowIfCancellationRequested();
                if (step.IsWrite) last[step.Page] = GuestLayout.ValueOf(vcpu, i);
            }

            all.Add(last);
        }

        return all;
    }

    private static string Source(GuestImage image, IReadOnlyList<Dictionary<long, ulong>> writes, CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[PageSize.Base];
        for (long page = 0; page < image.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            image.ReadPage(page, bytes);
            for (int vcpu = 0; vcpu < writes.Count; vcpu++)
            {
                if (writes[vcpu].TryGetValue(page, out ulong value))
                    BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(GuestLayout.LaneOf(vcpu)), value);
            }

            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static (string Hash, long Missing) Destination(UffdVm vm, GuestRegion region, CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        GuestReader reader = vm.NewReader();
        byte[] bytes = new byte[PageSize.Base];
        long missing = 0;
        for (long page = 0; page < region.Pages; page++)
        {
            cancel.ThrowIfCancellationRequested();
            if (!reader.TryRead(region, page, bytes))
            {
                missing++;
                Array.Clear(bytes);
            }

            hash.AppendData(bytes);
        }

        return (Convert.ToHexStringLower(hash.GetHashAndReset()), missing);
    }
}
