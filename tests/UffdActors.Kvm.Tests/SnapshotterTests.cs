using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Kvm.Snapshots;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>Snapshots by the calls that an embedder has: of its own machine, with its own devices.</summary>
public sealed class SnapshotterTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-snapshotter-");

    private string File => Path.Combine(_folder.FullName, "guest");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_machine_goes_on_from_its_snapshot_as_if_nothing_had_been(bool whileRunning)
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(ProgramKind.Scatter, 2, dataPages: 512, rounds: 6);
        using GuestImage image = GuestImage.Make(plan.DataPages << 12, seed: 7);
        GuestContent content = new(BootArea.Make(plan), image);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        GuestResult alone = await new GuestRunner(
            runtime, kvm, new GuestRunOptions { Plan = plan, Image = image, Deadline = Deadline }).RunPresentAsync();

        KvmMachine? machine = null;
        using ContentSource source = new(content);
        await using (UffdVm vm = await runtime.CreateVmAsync(Options(plan, () => machine)))
        {
            GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = content.Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect);
            KvmSnapshotter snapshots = new(vm, memory, uffd, content.Read);
            await uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = snapshots.BeforeWrite });
            _ = await uffd.UnprotectAsync(memory, 0, memory.Pages);
            RoundBrake brake = new(2, [0, 0]);
            await using KvmMachine here = machine = await kvm.CreateAsync(new KvmMachineOptions
            {
                Memory = [new KvmSlot(memory, 0)],
                Vcpus = 2,
                Devices = [brake, new ProgramDevice(plan, vm, memory)],
                StopTimeout = Deadline,
            });
            foreach (KvmVcpu vcpu in here.Vcpus) await vcpu.EnterLongModeAsync(plan.RegsOf(vcpu.Number), GuestPlan.Tables);
            brake.Arm(here);
            await here.ResumeAsync();
            await brake.Reached.WaitAsync(Deadline);
            // It is on its way again when the snapshot is taken.
            if (whileRunning) await here.ResumeAsync();
            KvmSnapshotReport taken = await snapshots.TakeAsync(
                here, File, new KvmSnapshotOptions { WhileRunning = whileRunning, DeviceState = () => new byte[] { 1, 2, 3 } });
            Assert.InRange(taken.StoredPages, 1, memory.Pages);
            Assert.Equal(whileRunning, taken.LongestProtect > TimeSpan.Zero);
            // vCPUs that were paused stay so, and the guest has lost nothing by it.
            Assert.True(whileRunning || here.Vcpus.All(v => v.Phase == VcpuPhase.Paused));
            await EndsAsAsync(here, uffd, alone);
        }

        using KvmSnapshot snapshot = KvmSnapshot.Open(File);
        Assert.Equal((content.Pages, 2), (snapshot.Pages, snapshot.Vcpus));
        Assert.Equal([1, 2, 3], snapshot.DeviceState.ToArray());
        KvmMachine? restored = null;
        await using UffdVm other = await runtime.CreateVmAsync(Options(plan, () => restored));
        GuestRegion again = await other.MapAsync(new RegionOptions { Pages = snapshot.Pages });
        Userfault served = await other.OpenAsync();
        _ = await served.RegisterAsync(again, RegisterModes.Missing);
        using IPageSource files = snapshot.NewSource();
        await served.ServeAsync(new ServeOptions { Source = files });
        await using (KvmMachine one = await kvm.CreateAsync(new KvmMachineOptions { Memory = [new KvmSlot(again, 0)] }))
        {
            KvmSnapshotException refused = await Assert.ThrowsAsync<KvmSnapshotException>(() => snapshot.LoadAsync(one));
            Assert.Contains("is of a machine with 2 vCPUs, and this one has 1", refused.Message, StringComparison.Ordinal);
        }

        await using KvmMachine there = restored = await kvm.CreateAsync(new KvmMachineOptions
        {
            Memory = [new KvmSlot(again, 0)],
            Vcpus = snapshot.Vcpus,
            Devices = [new ProgramDevice(plan, other, again)],
            StopTimeout = Deadline,
        });
        await snapshot.LoadAsync(there);
        await EndsAsAsync(there, served, alone);
        snapshot.CheckUnchanged();

        // The command runs its own guests alone.
        KvmSnapshotException foreign = Assert.Throws<KvmSnapshotException>(() => Snapshot.Open(File).Dispose());
        Assert.Contains("is of a machine that is no guest program of uffd vmm", foreign.Message, StringComparison.Ordinal);
    }

    private static VmOptions Options(GuestPlan plan, Func<KvmMachine?> machine) => new()
    {
        MemoryPages = plan.MemoryBytes >> 12,
        StopGuest = cancel => machine()?.StopAsync(cancel) ?? Task.CompletedTask,
    };

    private static async Task EndsAsAsync(KvmMachine machine, Userfault uffd, GuestResult alone)
    {
        IReadOnlyList<VcpuEnd> ends = await machine.RunAsync(Deadline, uffd);
        Assert.All(ends, end => Assert.True(end.IsDone, end.Message));
        KvmVcpuState[] states = await Task.WhenAll(machine.Vcpus.Select(v => v.SaveAsync()));
        Assert.Equal(alone.Checksums, states.Select(s => (ulong?)s.Regs.Rbx));
    }
}
