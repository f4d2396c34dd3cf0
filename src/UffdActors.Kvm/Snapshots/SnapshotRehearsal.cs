using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Takes live snapshots of a small guest before the real one, so that what its pause runs through is JIT-compiled: the vCPUs of the first
/// one that a process takes stand for 10 ms and more otherwise.
/// </summary>
internal static class SnapshotRehearsal
{
    private const long DataBytes = 1 << 20;
    private const int Vcpus = 2;
    // Which message overtakes which differs from pause to pause, and each way is code of its own.
    private const int Snapshots = 3;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>Takes them. It takes some tenths of a second.</summary>
    /// <param name="runtime">Runtime of the live world.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="folder">Where they are written; the files are left there.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The report of the last.</returns>
    public static async Task<SnapshotReport> RunAsync(UffdRuntime runtime, KvmHost kvm, string folder, CancellationToken cancel)
    {
        using GuestImage image = GuestImage.Make(DataBytes, seed: 1, cancellationToken: cancel);
        SnapshotRunOptions options = new()
        {
            Path = Path.Combine(folder, "memory"),
            Plan = new GuestPlan
            {
                Kind = ProgramKind.Scatter,
                MemoryBytes = GuestPlan.MemoryFor(DataBytes, largePages: false),
                Vcpus = Vcpus,
                Rounds = 2,
            },
            Image = image,
            IsLive = true,
            Deadline = Deadline,
        };
        SnapshotReport report;
        int taken = 0;
        do report = await new SnapshotRun(runtime, kvm, options).RunAsync(cancel);
        while (report.Differences.Count == 0 && ++taken < Snapshots);
        return report;
    }
}
