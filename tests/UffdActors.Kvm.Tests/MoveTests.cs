using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Linux.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>A KVM guest that runs moves to a machine of another runtime, by sockets, and computes what it must.</summary>
public sealed class MoveTests
{
    private const int Rounds = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [SkippableTheory]
    [InlineData(1, null, PostCopyMode.Missing, false)]
    [InlineData(4, "shmem", PostCopyMode.Minor, false)]
    [InlineData(2, null, PostCopyMode.Missing, true)]
    public async Task A_guest_that_runs_goes_on_in_another_machine_and_both_sides_agree(
        int vcpus, string? backend, PostCopyMode mode, bool copiesFirst)
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(ProgramKind.Scatter, vcpus, dataPages: 128, rounds: Rounds);
        using GuestImage image = GuestImage.Make(plan.DataPages << 12, seed: 3);
        GuestContent content = new(BootArea.Make(plan), image);
        string socket = Path.Combine(Path.GetTempPath(), $"kvm-move-{Environment.ProcessId}-{vcpus}.sock");
        MigrationAddress address = MigrationAddress.Parse($"unix:{socket}");

        await using UffdRuntime here = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdRuntime there = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        KvmMachine? machine = null;
        await using UffdVm vm = await here.CreateVmAsync(
            new VmOptions { MemoryPages = content.Pages + 16, StopGuest = c => machine?.StopAsync(c) ?? Task.CompletedTask });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = content.Pages });
        Userfault? tracked = copiesFirst ? await vm.OpenAsync(UffdFeatures.WpAsync) : null;
        if (tracked is not null) _ = await tracked.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect);
        using ContentSource source = new(content);
        if (tracked is not null)
        {
            await tracked.ServeAsync(new ServeOptions { Source = source });
            await (await tracked.PushAsync(memory, source)).WaitAsync();
        }
        else
        {
            Fill(memory, content);
        }

        ProgramDevice console = new(plan, vm, memory);
        await using KvmMachine leaving = machine =
            await kvm.CreateAsync(new KvmMachineOptions { Memory = [new KvmSlot(memory, 0)], Vcpus = vcpus, Devices = [console] });
        foreach (KvmVcpu vcpu in leaving.Vcpus) await vcpu.EnterLongModeAsync(plan.RegsOf(vcpu.Number), GuestPlan.Tables);
        MovingGuest guest = new(KvmGuest.Leaving(vm, leaving), leaving, console);
        // What is copied first is not what it began with, and is written again before it leaves.
        if (copiesFirst) await guest.RunRoundAsync();

        ProgramDevice? arrivedConsole = null;
        KvmGuest arriving = KvmGuest.Arriving(kvm, v =>
        {
            arrivedConsole = new ProgramDevice(plan, v, v.Regions[0]);
            return new KvmMachineOptions { Memory = [new KvmSlot(v.Regions[0], 0)], Vcpus = vcpus, Devices = [arrivedConsole] };
        });
        await using MigrationDestination destination = new(
            there, arriving, new MigrationDestinationOptions { Address = address, Backend = backend, Mode = mode });
        Task<MigrationDestinationReport> arrival = destination.RunAsync();
        MigrationSource migration = new(vm, tracked, guest, new MigrationSourceOptions
        {
            Address = address,
            Verifies = true,
            PreCopy = copiesFirst ? new PreCopyOptions { Rounds = 2 } : null,
        });
        MigrationSourceReport left = await migration.RunAsync().WaitAsync(Patience);
        MigrationDestinationReport arrived = await arrival.WaitAsync(Patience);

        Assert.True(arrived.IsVerified, $"{left.Ending} {arrived.Ending}");
        Assert.Equal(arrived.Hash, left.ExpectedHash);
        Assert.True(guest.LeftRunning, "The guest had ended before it left.");
        GuestResult alone = await AloneAsync(here, kvm, plan, image);
        for (int i = 0; i < vcpus; i++) Assert.Equal(alone.Checksums[i], arrivedConsole!.Reported[i]);
        Assert.Equal(alone.MemorySha256, arrived.Hash);
        await arriving.DisposeAsync();
        File.Delete(socket);
    }

    private static async Task<GuestResult> AloneAsync(UffdRuntime runtime, KvmHost kvm, GuestPlan plan, GuestImage image)
    {
        GuestResult result = await new GuestRunner(
            runtime, kvm, new GuestRunOptions { Plan = plan, Image = image, Deadline = Patience }).RunPresentAsync();
        Assert.True(result.IsDone);
        return result;
    }

    private static void Fill(GuestRegion memory, GuestContent content)
    {
        using GuestMemory window = GuestMemory.Adopt(memory.Address, (long)memory.Bytes, MemoryBacking.Anonymous, isShared: false);
        byte[] page = new byte[4096];
        for (long i = 0; i < content.Pages; i++)
        {
            content.Read(i, page);
            window.Write(i << 12, page);
        }
    }

    /// <summary>It runs for a round, and then it leaves.</summary>
    private sealed class MovingGuest(KvmGuest guest, KvmMachine machine, ProgramDevice console) : ISourceGuest
    {
        public bool LeftRunning { get; private set; }

        public ReadOnlyMemory<byte> Description => guest.Description;

        /// <summary>Lets it run until every vCPU has done one more round, and pauses it.</summary>
        public async Task RunRoundAsync(CancellationToken cancel = default)
        {
            int[] before = [.. machine.Vcpus.Select(RoundsOf)];
            await machine.ResumeAsync(cancel);
            while (machine.Vcpus.Any(v => RoundsOf(v) == before[v.Number]))
            {
                cancel.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            await machine.PauseAsync(cancel);
        }

        public async Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancel)
        {
            await RunRoundAsync(cancel);
            LeftRunning = machine.Vcpus.Any(v => v.Phase == VcpuPhase.Paused);
            return await guest.StopAsync(cancel);
        }

        public Task ResumeAsync(CancellationToken cancel) => guest.ResumeAsync(cancel);

        public Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancel) =>
            guest.HashAtEndAsync(endState, cancel);

        private int RoundsOf(KvmVcpu vcpu) => console.Console.Count(c => c == 'a' + vcpu.Number);
    }
}
