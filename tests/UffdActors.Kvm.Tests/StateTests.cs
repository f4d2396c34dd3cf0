using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Tests;

/// <summary>A vCPU that is paused anywhere, saved, and loaded elsewhere goes on as if nothing had been.</summary>
public sealed class StateTests
{
    // Guest code may be emulated, at a microsecond an instruction; between two moves a vCPU does a few dozen of them.
    private const int Steps = 100_000;
    private const int Moves = 100;

    [SkippableFact]
    public async Task A_guest_that_is_paused_and_moved_again_and_again_ends_with_the_same_registers()
    {
        ThisKvm.Require();
        await using Bench first = await Bench.MakeAsync(Count, vcpus: 2);
        await using Bench second = await Bench.MakeAsync(Count, vcpus: 2);
        Bench here = first;
        Bench there = second;
        for (int move = 0; move < Moves; move++)
        {
            await here.Machine.ResumeAsync();
            await here.Machine.PauseAsync();
            ReadOnlyMemory<byte> state = await here.Machine.SaveAsync();
            await there.Machine.LoadAsync(state);
            (here, there) = (there, here);
        }

        Assert.Contains(here.Machine.Vcpus, v => v.Phase == VcpuPhase.Paused);
        Assert.All(await here.Machine.RunAsync(TimeSpan.FromMinutes(5)), end => Assert.True(end.IsDone, end.Message));
        foreach (KvmVcpu vcpu in here.Machine.Vcpus)
        {
            KvmVcpuState state = await vcpu.SaveAsync();
            Assert.True(state.IsHalted);
            Assert.Equal(Expected(vcpu.Number), state.Regs.Rbx);
        }
    }

    [SkippableFact]
    public async Task An_IN_that_is_under_way_at_the_pause_is_finished_before_the_state_is_saved()
    {
        ThisKvm.Require();
        PausingDevice device = new();
        await using Bench bench = await Bench.MakeAsync(
            c =>
            {
                c.mov(edx, 0x60);
                c.@in(al, dx);
                c.movzx(ebx, al);
                c.hlt();
            },
            device: device);
        await using Bench other = await Bench.MakeAsync(c =>
        {
            c.mov(edx, 0x60);
            c.@in(al, dx);
            c.movzx(ebx, al);
            c.hlt();
        });
        device.Pause = () => bench.Machine.PauseAsync();
        device.IsKicked = () => bench.Machine.Vcpus[0].Phase == VcpuPhase.Pausing;
        await bench.Machine.ResumeAsync();
        await device.Paused;
        KvmVcpuState state = await bench.Machine.Vcpus[0].SaveAsync();
        Assert.Equal(0x5Aul, state.Regs.Rax & 0xFF);
        // The other machine has no device: had the IN been left to do, it would end there.
        await other.Machine.Vcpus[0].LoadAsync(state);
        VcpuEnd end = Assert.Single(await other.Machine.RunAsync(TimeSpan.FromMinutes(5)));
        Assert.Equal((VcpuEndKind.Halted, ""), (end.Kind, end.IsDone ? "" : end.Message));
        Assert.Equal(0x5Aul, (await other.Machine.Vcpus[0].SaveAsync()).Regs.Rbx);
    }

    [SkippableFact]
    public async Task A_record_is_the_same_after_it_has_been_read_and_a_damaged_one_is_refused()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(Count);
        byte[] record = (await bench.Machine.Vcpus[0].SaveAsync()).ToBytes();
        Assert.Equal(record, KvmVcpuState.Read(record).ToBytes());

        for (int length = 0; length < record.Length; length += 37)
            _ = Assert.Throws<KvmStateException>(() => KvmVcpuState.Read(record.AsSpan(0, length)));
        byte[] newer = [.. record];
        newer[8] = 2;
        KvmStateException refused = Assert.Throws<KvmStateException>(() => KvmVcpuState.Read(newer));
        Assert.Equal("The record of the vCPU has version 2; this program knows version 1.", refused.Message);
        byte[] unknown = [.. record];
        unknown[16] = 99;
        _ = Assert.Throws<KvmStateException>(() => KvmVcpuState.Read(unknown));
        _ = Assert.Throws<KvmStateException>(() => KvmVcpuState.Read([.. record, 0]));
        // The first part is left out, and the number of parts says so.
        byte[] incomplete = [.. record[..16], .. record[(24 + BitConverter.ToInt32(record, 20))..]];
        incomplete[12]--;
        refused = Assert.Throws<KvmStateException>(() => KvmVcpuState.Read(incomplete));
        Assert.Equal("The record of the vCPU is not complete.", refused.Message);
    }

    [SkippableFact]
    public async Task A_machine_takes_no_state_of_another_number_of_vCPUs_and_none_while_it_runs()
    {
        ThisKvm.Require();
        await using Bench one = await Bench.MakeAsync(c =>
        {
            Iced.Intel.Label again = c.CreateLabel();
            c.Label(ref again);
            c.jmp(again);
        });
        await using Bench two = await Bench.MakeAsync(Count, vcpus: 2);
        ReadOnlyMemory<byte> state = await two.Machine.SaveAsync();
        KvmStateException refused = await Assert.ThrowsAsync<KvmStateException>(() => one.Machine.LoadAsync(state));
        Assert.Equal("The state has 2 vCPUs, and this machine 1.", refused.Message);
        await one.Machine.ResumeAsync();
        InvalidOperationException runs = await Assert.ThrowsAsync<InvalidOperationException>(() => one.Machine.SaveAsync());
        Assert.Equal("vCPU 0 runs; pause it first.", runs.Message);
    }

    // RBX is the vCPU's number and one; it is turned and added to for so many steps.
    private static void Count(Iced.Intel.Assembler c)
    {
        Iced.Intel.Label again = c.CreateLabel();
        c.mov(ecx, Steps);
        c.Label(ref again);
        c.rol(rbx, 7);
        c.add(rbx, rcx);
        c.dec(rcx);
        c.jne(again);
        c.hlt();
    }

    private static ulong Expected(int vcpu)
    {
        ulong value = (ulong)vcpu + 1;
        for (ulong step = Steps; step > 0; step--) value = System.Numerics.BitOperations.RotateLeft(value, 7) + step;
        return value;
    }

    private sealed class PausingDevice : IKvmDevice
    {
        private readonly TaskCompletionSource<Task> _pause = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Func<Task>? Pause { get; set; }

        public Func<bool>? IsKicked { get; set; }

        public Task Paused => _pause.Task.Unwrap();

        public bool TryIn(int vcpu, ushort port, Span<byte> data)
        {
            data.Fill(0x5A);
            _ = _pause.TrySetResult(Pause!());
            // It has been kicked by then, before the kernel has been told what was read.
            SpinWait.SpinUntil(() => IsKicked!());
            return true;
        }
    }
}
