using UffdActors.Handling;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.State;
using UffdActors.Kvm.Vcpus;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Watching;
using UffdActors.Testing.Guests;
using UffdActors.Watchdog;
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
        Assert.EndsWith("guest address 0x1000000000 (no memory).", end.Message, StringComparison.Ordinal);
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

    [SkippableTheory]
    [InlineData(HandlerPoint.AfterRead)]
    [InlineData(HandlerPoint.AfterFillSent)]
    [InlineData(HandlerPoint.OnAnswer)]
    internal async Task A_handler_that_dies_under_a_guest_costs_it_nothing_but_time(HandlerPoint point)
    {
        ThisKvm.Require();
        const int Touched = 32;
        CrashingProbe probe = new(point, every: 3, crashesPerPage: 1);
        using NumberedPages pages = new(4096);
        await using Bench bench = await Bench.MakeAsync(
            c =>
            {
                Iced.Intel.Label next = c.CreateLabel();
                c.xor(ebx, ebx);
                c.mov(ecx, Touched);
                c.Label(ref next);
                c.add(rbx, __qword_ptr[rbp]);
                c.add(rbp, 4096);
                c.dec(rcx);
                c.jne(next);
                c.hlt();
            },
            serve: (vm, memory) => ServeDataAsync(vm, memory, new NumberedSource(pages)),
            change: options => options with { Probe = probe });
        VcpuEnd end = Assert.Single(await bench.Machine.RunAsync(Ample));
        Assert.Equal(VcpuEndKind.Halted, end.Kind);
        ulong sum = 0;
        for (int i = 0; i < Touched; i++) sum += NumberedPages.WordOf(bench.Plan.BootPages + i);
        Assert.Equal(sum, (await bench.Machine.Vcpus[0].SaveAsync()).Regs.Rbx);
        Assert.NotEqual(0, probe.Crashes);
    }

    [SkippableFact]
    public async Task A_page_on_which_every_handler_dies_is_in_the_report_and_nothing_hangs()
    {
        ThisKvm.Require();
        Userfault? uffd = null;
        using NumberedPages pages = new(4096);
        GuestPlan plan = Guests.Plan(ProgramKind.Walk, 1, dataPages: 64);
        CrashingProbe probe = new(HandlerPoint.AfterRead, every: 1, crashesPerPage: int.MaxValue, onlyPage: plan.BootPages + 5);
        TaskCompletionSource<string> held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Bench bench = await Bench.MakeAsync(
            c =>
            {
                c.mov(rbx, __qword_ptr[rbp + (5 * 4096)]);
                c.hlt();
            },
            stopTimeout: TimeSpan.FromSeconds(1),
            closeTimeout: "1s",
            serve: async (vm, memory) => uffd = await ServeDataAsync(vm, memory, new NumberedSource(pages)),
            change: options => options with
            {
                Probe = probe,
                IncidentObserver = i =>
                {
                    if (i.Kind is IncidentKind.PageQuarantined or IncidentKind.PatienceOver) _ = held.TrySetResult(i.Message);
                },
            });
        using CancellationTokenSource enough = new();
        Task<IReadOnlyList<VcpuEnd>> running = bench.Machine.RunAsync(TimeSpan.FromSeconds(2), uffd, enough.Token);
        _ = await held.Task.WaitAsync(Ample);
        VcpuEnd end = Assert.Single(await running.WaitAsync(Ample));
        Assert.True(end.Kind is VcpuEndKind.NotStopped or VcpuEndKind.DeadlinePassed, end.Message);
        if (end.Kind == VcpuEndKind.NotStopped)
            Assert.Equal((bench.Memory.Id, bench.Plan.BootPages + 5), (end.Region, end.Page));
        await uffd!.AbandonAsync(AbsentPages.ReadAsZeros);
        await bench.DisposeAsync();
        await bench.Machine.Vcpus[0].View.Thread!.Ended;
    }

    [SkippableFact]
    public async Task The_watchdog_names_the_vCPU_by_its_thread_and_the_page_that_it_waits_for()
    {
        ThisKvm.Require();
        Userfault? uffd = null;
        using SilentSource source = new();
        TimeSpan deadline = TimeSpan.FromMinutes(10);
        Bench bench = await Bench.MakeAsync(
            c =>
            {
                c.mov(rbx, __qword_ptr[rbp + (5 * 4096)]);
                c.hlt();
            },
            stopTimeout: TimeSpan.FromSeconds(1),
            closeTimeout: "1s",
            serve: async (vm, memory) => uffd = await ServeDataAsync(vm, memory, source),
            change: options => options with { Watchdog = new WatchdogOptions(deadline) });
        await bench.Machine.ResumeAsync();
        FaultBoard board = ((LiveKernel)bench.Vm.Kernel).Board!;
        List<WatchedUserfault> watched;
        do watched = Read(board);
        while (watched is not [{ Oldest: not null }]);

        // As the watchdog decides when the deadline is over, and says it.
        LateFaults late = new();
        long now = watched[0].Oldest!.Raised + (long)deadline.TotalNanoseconds;
        Assert.Empty(late.Look(watched, now));
        Alarm alarm = Assert.Single(late.Look(watched, now + 1_000_000_000));
        KernelTask[] threads = [.. KernelTask.Of(Environment.ProcessId)];
        string report = AlarmText.Of(Environment.ProcessId, alarm, threads, "left alone");
        int thread = bench.Machine.Vcpus[0].ThreadId;
        Assert.Contains(
            $"(region {bench.Memory.Id}, page {bench.Plan.BootPages + 5}) of thread {thread} (vcpu-0) is unresolved after", report,
            StringComparison.Ordinal);

        await uffd!.AbandonAsync(AbsentPages.ReadAsZeros);
        await bench.DisposeAsync();
        await bench.Machine.Vcpus[0].View.Thread!.Ended;
    }

    [SkippableFact]
    public void An_exit_that_is_not_known_and_EFAULT_with_and_without_an_address_name_vCPU_rip_and_page()
    {
        ThisKvm.Require();
        using KvmHandle device = KvmHandle.OpenDevice();
        using KvmHandle vm = device.Create(KvmIoctl.KVM_CREATE_VM, 0, "KVM_CREATE_VM");
        using KvmHandle vcpu = vm.Create(KvmIoctl.KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU");
        using RunPage run = vcpu.MapRun(device.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE"));
        GuestRegion memory = new(7, 0, 512, null, 4096, 0);
        ExitHandler exits = new(new VcpuParts(3, vcpu, run, [], [], new MemoryMap([new KvmSlot(memory, 0x10_0000)]), null));
        ulong rip = StateCalls.Regs(vcpu).Rip;

        // The kernel writes these fields; here a test does.
        Write(run, RunLayout.ExitReason, 999u);
        VcpuEnd unknown = exits.Handle()!;
        Assert.Equal((VcpuEndKind.UnhandledExit, rip), (unknown.Kind, unknown.Rip));
        Assert.StartsWith("vCPU 3 made an exit that is not handled (", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("999", unknown.Message, StringComparison.Ordinal);

        VcpuEnd nameless = exits.Failed(Errno.EFAULT);
        Assert.Equal((VcpuEndKind.MemoryFault, rip, (long?)null), (nameless.Kind, nameless.Rip, nameless.Page));

        Write(run, RunLayout.ExitReason, KvmExit.KVM_EXIT_MEMORY_FAULT);
        Write(run, RunLayout.MemoryFaultGpa, 0x10_5000ul);
        VcpuEnd named = exits.Failed(Errno.EFAULT);
        Assert.Equal((VcpuEndKind.MemoryFault, rip, 7, 5L), (named.Kind, named.Rip, named.Region, named.Page));
        Assert.EndsWith("guest address 0x105000 (region 7, page 5).", named.Message, StringComparison.Ordinal);

        // Nested KVM reports memory that cannot be had as MMIO.
        Write(run, RunLayout.ExitReason, KvmExit.KVM_EXIT_MMIO);
        Write(run, RunLayout.MmioLen, 8u);
        Write(run, RunLayout.MmioPhysAddr, 0x10_6000ul);
        VcpuEnd inside = exits.Handle()!;
        Assert.Equal((VcpuEndKind.MemoryFault, 7, 6L), (inside.Kind, inside.Region, inside.Page));
        Write(run, RunLayout.MmioPhysAddr, 0x90_0000ul);
        Assert.Equal(VcpuEndKind.UnhandledExit, exits.Handle()!.Kind);

        VcpuEnd other = exits.Failed(Errno.ENOMEM);
        Assert.Equal(VcpuEndKind.RunFailed, other.Kind);
        Assert.Contains("KVM_RUN gave ENOMEM at rip 0x", other.Message, StringComparison.Ordinal);
    }

    private static void Write<T>(RunPage run, int offset, T value)
        where T : unmanaged =>
        System.Runtime.InteropServices.MemoryMarshal.Write(run.At(offset, 8), value);

    private static List<WatchedUserfault> Read(FaultBoard board)
    {
        byte[] copy = File.ReadAllBytes($"/proc/self/fd/{board.Descriptor}");
        return BoardSnapshot.Read(copy, copy);
    }

    // Program and page tables are there already; all else is absent.
    private static async Task<Userfault> ServeDataAsync(UffdVm vm, GuestRegion memory, IPageSource source)
    {
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        return uffd;
    }

    private sealed class NumberedSource(NumberedPages pages) : IPageSource
    {
        public long Pages => 4096;

        // So that a handler takes answers out of its mailbox, and can die there.
        public bool AnswersAtOnce => false;

        public void Request(in PageOrder order, IPageReceiver receiver) =>
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, pages.AddressOf(order.FirstPage));

        public void Dispose()
        {
        }
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
