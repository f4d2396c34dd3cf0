using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Kvm.State;
using UffdActors.Linux.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>Guest programs that move; and that what is wrong with one is seen.</summary>
public sealed class MovedProgramTests
{
    private const int Rbx = 8;
    private const int Rip = 128;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Counter), 4, null, PostCopyMode.Missing, false, 60)]
    [InlineData(nameof(ProgramKind.Balloon), 2, null, PostCopyMode.Missing, false, 6)]
    [InlineData(nameof(ProgramKind.Balloon), 2, "shmem", PostCopyMode.Minor, false, 6)]
    [InlineData(nameof(ProgramKind.Balloon), 2, "shmem", PostCopyMode.Missing, true, 6)]
    public async Task It_ends_as_the_one_that_never_moved(
        string kind, int vcpus, string? backend, PostCopyMode mode, bool copiesFirst, int rounds)
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(Enum.Parse<ProgramKind>(kind), vcpus, dataPages: 128, rounds: rounds);
        (MigrationSourceReport left, MigrationDestinationReport arrived) = await MoveAsync(plan, backend, mode, copiesFirst);
        Assert.True(arrived.IsVerified, $"{left.Ending} {arrived.Ending} {arrived.MissingPages}");
        Assert.Equal(await AloneAsync(plan), arrived.Hash);
    }

    [SkippableFact]
    public async Task A_byte_of_a_page_that_changes_on_the_way_is_seen_by_both()
    {
        ThisKvm.Require();
        (MigrationSourceReport left, MigrationDestinationReport arrived) = await MoveAsync(
            Guests.Plan(ProgramKind.Scatter, 2, dataPages: 128, rounds: 20), atEnd: vm =>
            {
                using GuestMemory window = GuestMemory.Adopt(
                    vm.Regions[0].Address, (long)vm.Regions[0].Bytes, MemoryBacking.Anonymous, isShared: false);
                window.Write((long)vm.Regions[0].Bytes - 1, [0xA5]);
            });
        Assert.NotNull(left.ExpectedHash);
        Assert.NotEqual(left.ExpectedHash, left.ActualHash);
        Assert.False(arrived.IsVerified);
    }

    [SkippableFact]
    public async Task A_register_that_changes_on_the_way_is_named_to_both()
    {
        ThisKvm.Require();
        (MigrationSourceReport left, MigrationDestinationReport arrived) = await MoveAsync(
            Guests.Plan(ProgramKind.Walk, 2, dataPages: 128, rounds: 60), change: registers => registers[Rbx] ^= 1);
        Assert.Contains("vCPU 1 has ended there with other registers than here", left.Ending, StringComparison.Ordinal);
        Assert.Contains("vCPU 1 has ended there with other registers than here", arrived.Ending, StringComparison.Ordinal);
        Assert.False(arrived.IsVerified);
        Assert.Null(left.ExpectedHash);
    }

    [SkippableFact]
    public async Task One_that_fails_where_it_has_arrived_is_reported_by_both_and_runs_nowhere()
    {
        ThisKvm.Require();
        (MigrationSourceReport left, MigrationDestinationReport arrived) = await MoveAsync(
            Guests.Plan(ProgramKind.Walk, 2, dataPages: 128, rounds: 1_000_000), change: registers => registers[Rip + 5] = 1);
        Assert.Matches("The guest could not go on. vCPU 1 .* at rip 0x1000000", arrived.Ending);
        Assert.Contains("The guest could not go on. vCPU 1", left.Ending, StringComparison.Ordinal);
        Assert.True(arrived.HasGuest);
        Assert.False(left.KeepsGuest);
    }

    [SkippableFact]
    public async Task One_that_has_failed_does_not_leave()
    {
        ThisKvm.Require();
        (MigrationSourceReport left, MigrationDestinationReport arrived) = await MoveAsync(
            Guests.Plan(ProgramKind.Walk, 1, dataPages: 128, rounds: 60), before: async machine =>
            {
                await machine.Vcpus[0].EnterLongModeAsync(new KvmRegs { Rip = 0x100_0000_0000 }, GuestPlan.Tables);
                await machine.ResumeAsync();
                _ = await machine.Vcpus[0].Ended;
            });
        Assert.Matches("The guest cannot be handed over. vCPU 0 .* at rip 0x1000000", left.Ending);
        Assert.True(left.KeepsGuest);
        Assert.False(arrived.HasGuest);
        Assert.Contains("The guest cannot be handed over. vCPU 0", arrived.Ending, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_comes_back_from_its_record_and_a_damaged_one_does_not()
    {
        GuestPlan plan = Guests.Plan(ProgramKind.Balloon, vcpus: 3, rounds: 5, largePages: true);
        byte[] record = PlanRecord.ToBytes(plan);
        Assert.Equal(plan, PlanRecord.Read(record));
        foreach (int at in new[] { 0, 8, 13, 23, 25 })
        {
            byte[] damaged = [.. record];
            damaged[at] ^= 0x40;
            _ = Assert.Throws<KvmStateException>(() => PlanRecord.Read(damaged));
        }

        _ = Assert.Throws<KvmStateException>(() => PlanRecord.Read(record.AsSpan(1)));
        _ = Assert.Throws<KvmStateException>(() => PlanRecord.Read([.. record, 0]));
    }

    private static async Task<string> AloneAsync(GuestPlan plan)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        using GuestImage image = GuestImage.Make(plan.DataPages << 12, seed: 3);
        GuestResult result = await new GuestRunner(
            runtime, kvm, new GuestRunOptions { Plan = plan, Image = image, Deadline = Patience }).RunPresentAsync();
        return result.MemorySha256!;
    }

    private static async Task<(MigrationSourceReport Left, MigrationDestinationReport Arrived)> MoveAsync(
        GuestPlan plan, string? backend = null, PostCopyMode mode = PostCopyMode.Missing, bool copiesFirst = false,
        Action<byte[]>? change = null, Action<UffdVm>? atEnd = null, Func<KvmMachine, Task>? before = null)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kvm-moves-");
        try
        {
            MigrationAddress address = MigrationAddress.Parse($"unix:{Path.Combine(folder.FullName, "wire")}");
            await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
            await using KvmHost kvm = KvmHost.Start();
            using GuestImage image = GuestImage.Make(plan.DataPages << 12, seed: 3);
            await using LeavingProgram leaving = await LeavingProgram.BootAsync(
                runtime, kvm, plan, image, copiesFirst ? backend : null, copiesFirst, default);
            ArrivingProgram arriving = new(kvm);
            MigrationDestinationOptions to = new() { Address = address, Backend = backend, Mode = mode };
            await using MigrationDestination destination = new(runtime, new ChangedArrival(arriving, atEnd), to);
            await using ArrivingProgram first = arriving;
            if (before is null) await leaving.BeginAsync(default);
            else await before(leaving.Program.Machine);
            Task<MigrationDestinationReport> arrival = destination.RunAsync();
            MigrationSourceOptions from = new()
            {
                Address = address,
                Verifies = true,
                PreCopy = copiesFirst ? new PreCopyOptions { Rounds = 2 } : null,
            };
            MigrationSourceReport left = await new MigrationSource(
                leaving.Program.Vm, leaving.Userfault, new ChangedLeaving(leaving, change), from).RunAsync().WaitAsync(Patience);
            return (left, await arrival.WaitAsync(Patience));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A guest of whose last vCPU the registers are changed on the way.</summary>
    private sealed class ChangedLeaving(LeavingProgram guest, Action<byte[]>? change) : ISourceGuest
    {
        public ReadOnlyMemory<byte> Description => guest.Description;

        public async Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancel)
        {
            ReadOnlyMemory<byte> state = await guest.StopAsync(cancel);
            if (change is null) return state;
            KvmVcpuState[] states = KvmMachine.Parse(state.Span);
            byte[] changed = state.ToArray();
            byte[] registers = states[^1][StatePart.Regs];
            int at = changed.AsSpan().LastIndexOf(registers);
            change(registers);
            registers.CopyTo(changed.AsSpan(at));
            return changed;
        }

        public Task ResumeAsync(CancellationToken cancel) => guest.ResumeAsync(cancel);

        public Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancel) =>
            guest.HashAtEndAsync(endState, cancel);
    }

    /// <summary>A guest whose memory is changed when it has ended.</summary>
    private sealed class ChangedArrival(ArrivingProgram guest, Action<UffdVm>? atEnd) : IDestinationGuest
    {
        public bool GivesPagesBack => guest.GivesPagesBack;

        public void Expect(ReadOnlyMemory<byte> description) => guest.Expect(description);

        public Task PrepareAsync(UffdVm vm, CancellationToken cancel) => guest.PrepareAsync(vm, cancel);

        public Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancel) => guest.LoadAsync(vm, state, cancel);

        public Task StartAsync(CancellationToken cancel) => guest.StartAsync(cancel);

        public async Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancel)
        {
            ReadOnlyMemory<byte> state = await guest.EndAsync(cancel);
            atEnd?.Invoke(guest.Program!.Vm);
            return state;
        }

        public Task AbortAsync(CancellationToken cancel) => guest.AbortAsync(cancel);
    }
}
