using System.Globalization;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Kvm;

/// <summary>
/// A snapshot of a machine, opened to be restored from: a memory file, plain and sparse, and beside it <c>FILE.json</c> with the state of
/// the vCPUs and of the embedder's devices. Opening reads a few pages, however large the memory is.
/// </summary>
/// <remarks>
/// The files must stay what they are while it is open: a page that is asked for afterwards is lost, and <see cref="Broken"/> is cancelled.
/// Safe for any thread.
/// </remarks>
/// <example>
/// <code>
/// using KvmSnapshot snapshot = KvmSnapshot.Open("guest.memory");
/// using IPageSource source = snapshot.NewSource();
/// GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = snapshot.Pages });
/// // Register it, serve it from the source, and make a machine with the same slots, vCPUs and devices.
/// await snapshot.LoadAsync(machine);
/// await machine.ResumeAsync();
/// </code>
/// </example>
public sealed class KvmSnapshot : IDisposable
{
    private readonly Snapshot _snapshot;

    private KvmSnapshot(Snapshot snapshot) => _snapshot = snapshot;

    /// <summary>Its memory file.</summary>
    public string Path => _snapshot.Path;

    /// <summary>Pages of 4 KiB of the guest's memory.</summary>
    public long Pages => _snapshot.Memory.Pages;

    /// <summary>vCPUs of the machine.</summary>
    public int Vcpus => KvmMachine.Parse(_snapshot.Document.State.Vcpus).Length;

    /// <summary>What <see cref="KvmSnapshotOptions.DeviceState"/> has given; empty for nothing.</summary>
    public ReadOnlyMemory<byte> DeviceState => _snapshot.Document.State.Devices;

    /// <summary>Cancelled when a file is found to have changed, or cannot be read any more.</summary>
    public CancellationToken Broken => _snapshot.Memory.Broken;

    /// <summary>
    /// Opens a snapshot that <see cref="KvmSnapshotter"/> or <c>uffd vmm snapshot</c> has made, and the parents of a layer.
    /// </summary>
    /// <param name="path">Its memory file.</param>
    /// <exception cref="KvmSnapshotException">
    /// A file is missing, damaged, of another version, cut short, or of another snapshot.
    /// </exception>
    public static KvmSnapshot Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new KvmSnapshot(Snapshot.OpenAny(path));
    }

    /// <summary>A page source over its memory. Pages in the kernel's page cache are answered at once, others when they are read.</summary>
    /// <returns>Dispose of it before the snapshot.</returns>
    public IPageSource NewSource() => new SnapshotSource(_snapshot.Memory);

    /// <summary>Copies a page out of its files; a <see cref="KvmPageContent"/>.</summary>
    /// <param name="page">Page of 4 KiB.</param>
    /// <param name="room">Where its 4,096 bytes go.</param>
    /// <exception cref="KvmSnapshotException">A file has changed, or cannot be read.</exception>
    public void ReadPage(long page, Span<byte> room)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, Pages);
        _snapshot.Memory.ReadPage(page, room);
    }

    /// <summary>Loads the state of the vCPUs into a machine that does not run. It is not started.</summary>
    /// <param name="machine">A machine with as many vCPUs.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="KvmSnapshotException">
    /// The machine's CPU lacks something that the guest was told of, or it has another number of vCPUs.
    /// </exception>
    /// <exception cref="KvmStateException">The machine refuses the state.</exception>
    /// <exception cref="InvalidOperationException">A vCPU runs.</exception>
    public async Task LoadAsync(KvmMachine machine, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (machine.Vcpus.Count != Vcpus)
            throw new KvmSnapshotException(string.Create(
                CultureInfo.InvariantCulture,
                $"Snapshot \"{Path}\" is of a machine with {Vcpus} vCPUs, and this one has {machine.Vcpus.Count}; make one with as many."));
        await CpuCheck.RunAsync(machine, _snapshot.Document.State.Vcpus, cancellationToken);
        await machine.LoadAsync(_snapshot.Document.State.Vcpus, cancellationToken);
    }

    /// <summary>To be called before what the guest has computed is relied on.</summary>
    /// <exception cref="KvmSnapshotException">A file has changed while the guest was served from it.</exception>
    public void CheckUnchanged() => _snapshot.Memory.CheckUnchanged();

    /// <summary>Closes the files.</summary>
    public void Dispose() => _snapshot.Dispose();
}
