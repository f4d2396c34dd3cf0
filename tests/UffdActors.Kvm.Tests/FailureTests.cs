using UffdActors.Kvm.Programs;
using UffdActors.Linux.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Tests;

/// <summary>Whatever ends a guest ends in a report that names vCPU, rip and, where it is known, the page; and the machine goes.</summary>
public sealed class FailureTests
{
    private static readonly TimeSpan Ample = TimeSpan.FromMinutes(5);

    [SkippableFact]
    public async Task A_triple_fault_names_the_address_that_no_page_table_has()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            c.mov(rax, 0x7F00_0000_1000);
            c.mov(__qword_ptr[rax], rax);
        });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal((VcpuEndKind.TripleFault, 0x7F00_0000_1000ul), (end.Kind, end.Address));
        Assert.StartsWith("vCPU 0 has triple-faulted (KVM_EXIT_SHUTDOWN)", end.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task An_instruction_that_KVM_does_not_emulate_is_an_internal_error_or_runs()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            c.movq(xmm0, rax);
            c.hlt();
        });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        // Without CR4.OSFXSR it is an invalid opcode where a processor runs it: no gate, so a triple fault.
        Assert.True(end.Kind is VcpuEndKind.InternalError or VcpuEndKind.TripleFault, end.Message);
        Assert.Contains("rip 0x", end.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_port_that_no_device_has_ends_the_vCPU()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            c.mov(edx, 0x1234);
            c.@out(dx, al);
            c.hlt();
        });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal(VcpuEndKind.UnhandledExit, end.Kind);
        Assert.StartsWith("vCPU 0 used port 0x1234 (OUT), which no device has, at rip 0x80", end.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task An_address_that_no_device_has_ends_the_vCPU()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            c.mov(rax, (long)GuestPlan.Report);
            c.mov(__dword_ptr[rax], ebx);
            c.hlt();
        });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal((VcpuEndKind.UnhandledExit, GuestPlan.Report), (end.Kind, end.Address));
        Assert.EndsWith("guest address 0xf0000000 (no memory).", end.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_device_that_throws_ends_the_vCPU_with_what_it_said()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(
            c =>
            {
                c.@in(al, 0x60);
                c.hlt();
            },
            device: new ThrowingDevice());
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal(VcpuEndKind.DeviceFailed, end.Kind);
        Assert.Contains("the keyboard is gone", end.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Memory_that_cannot_be_touched_is_named_with_region_and_page()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            c.mov(rbx, __qword_ptr[rbp + (3 * 4096)]);
            c.hlt();
        });
        using (GuestMemory window = GuestMemory.Adopt(
            bench.Memory.Address, (long)bench.Memory.Bytes, MemoryBacking.Anonymous, isShared: false))
            Assert.Equal(Errno.None, window.Protect(bench.Plan.BootBytes + (3 * 4096), 4096, MemoryProtection.None));
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal(VcpuEndKind.MemoryFault, end.Kind);
        Assert.Equal(Bench.Code, end.Rip);
        // A kernel that gives EFAULT without KVM_EXIT_MEMORY_FAULT does not say which page.
        if (end.Page is { } page) Assert.Equal((bench.Memory.Id, bench.Plan.BootPages + 3), (end.Region, page));
    }

    [SkippableFact]
    public async Task A_guest_that_never_stops_is_stopped_at_its_deadline()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(
            c =>
            {
                Iced.Intel.Label again = c.CreateLabel();
                c.Label(ref again);
                c.inc(rbx);
                c.jmp(again);
            },
            vcpus: 2);
        IReadOnlyList<VcpuEnd> ends = await bench.Machine.RunAsync(TimeSpan.FromMilliseconds(200));
        Assert.All(ends, end => Assert.Equal(VcpuEndKind.DeadlinePassed, end.Kind));
        Assert.All(ends, end => Assert.InRange(end.Rip!.Value, Bench.Code, Bench.Code + 5));
        Assert.StartsWith("vCPU 1 has not ended within 0.2 s, and was stopped at rip 0x800", ends[1].Message, StringComparison.Ordinal);
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => bench.Machine.ResumeAsync());
    }

    [SkippableFact]
    public async Task One_that_fails_stops_the_others()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(
            c =>
            {
                // RBX is the number of the vCPU and one: the second uses a port that is not there, the others go round for ever.
                Iced.Intel.Label again = c.CreateLabel();
                c.Label(ref again);
                c.cmp(rbx, 2);
                c.jne(again);
                c.@out(0x77, al);
            },
            vcpus: 3);
        IReadOnlyList<VcpuEnd> ends = await bench.Machine.RunAsync(Ample);
        Assert.Equal([VcpuEndKind.Stopped, VcpuEndKind.UnhandledExit, VcpuEndKind.Stopped], ends.Select(e => e.Kind));
    }

    [SkippableFact]
    public async Task A_guest_whose_page_never_comes_is_reported_with_the_page_and_nothing_hangs()
    {
        ThisKvm.Require();
        Userfault? uffd = null;
        using SilentSource source = new();
        Bench bench = await Bench.MakeAsync(
            c =>
            {
                c.mov(rbx, __qword_ptr[rbp + (5 * 4096)]);
                c.hlt();
            },
            stopTimeout: TimeSpan.FromSeconds(1),
            closeTimeout: "1s",
            serve: async (vm, memory) =>
            {
                uffd = await vm.OpenAsync();
                _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
                await uffd.ServeAsync(new ServeOptions { Source = source });
            });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(TimeSpan.FromMilliseconds(300), uffd));
        Assert.True(end.Kind is VcpuEndKind.NotStopped or VcpuEndKind.DeadlinePassed, end.Message);
        if (end.Kind == VcpuEndKind.NotStopped)
            Assert.Equal((bench.Memory.Id, bench.Plan.BootPages + 5), (end.Region, end.Page));
        await uffd!.AbandonAsync(AbsentPages.ReadAsZeros);
        await bench.DisposeAsync();
        // Closing has woken it, and what it was told long before was to stop.
        await bench.Machine.Vcpus[0].View.Thread!.Ended;
    }

    private sealed class ThrowingDevice : IKvmDevice
    {
        public bool TryIn(int vcpu, ushort port, Span<byte> data) => throw new InvalidOperationException("the keyboard is gone");
    }

    private sealed class SilentSource : IPageSource
    {
        public long Pages => long.MaxValue >> 12;

        public bool AnswersAtOnce => false;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
        }

        public void Dispose()
        {
        }
    }
}
