using System.Diagnostics;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>A runtime, KVM, and a folder for snapshots of one guest.</summary>
internal sealed class SnapshotScene : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-snapshots-");
    private readonly UffdRuntime _runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
    private readonly KvmHost _kvm = KvmHost.Start();
    private readonly GuestImage _image;

    public SnapshotScene(GuestPlan plan)
    {
        Plan = plan;
        _image = GuestImage.Make(plan.DataPages << 12, seed: 7);
    }

    public GuestPlan Plan { get; }

    public UffdRuntime Runtime => _runtime;

    public KvmHost Kvm => _kvm;

    public string FileOf(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>Takes a snapshot of a guest that is booted, when each vCPU has finished so many rounds.</summary>
    public Task<SnapshotReport> TakeAsync(string name, int rounds, Func<SnapshotRunOptions, SnapshotRunOptions>? change = null)
    {
        SnapshotRunOptions options =
            new() { Path = FileOf(name), Plan = Plan, Image = _image, AfterRounds = rounds, Deadline = Deadline };
        return new SnapshotRun(_runtime, _kvm, change?.Invoke(options) ?? options).RunAsync();
    }

    /// <summary>Takes one of a guest that is restored from a parent.</summary>
    public async Task<SnapshotReport> TakeOverAsync(
        string parent, string name, int rounds, Func<SnapshotRunOptions, SnapshotRunOptions>? change = null)
    {
        using Snapshot below = Snapshot.Open(FileOf(parent));
        return await TakeAsync(name, rounds, o => change?.Invoke(o with { Parent = below }) ?? o with { Parent = below });
    }

    /// <summary>Restores a guest, and runs it to its end.</summary>
    public async Task<RestoreReport> RestoreAsync(string name, Func<RestoreOptions, RestoreOptions>? change = null)
    {
        long begun = Stopwatch.GetTimestamp();
        using Snapshot snapshot = Snapshot.Open(FileOf(name));
        RestoreOptions options = new() { Deadline = Deadline };
        return await RestoreRun.RunAsync(_runtime, _kvm, snapshot, begun, change?.Invoke(options) ?? options);
    }

    /// <summary>Why a snapshot is refused.</summary>
    public string Refusal(string name) => Assert.Throws<KvmSnapshotException>(() => Snapshot.Open(FileOf(name)).Dispose()).Message;

    public async ValueTask DisposeAsync()
    {
        _image.Dispose();
        await _kvm.DisposeAsync();
        await _runtime.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
