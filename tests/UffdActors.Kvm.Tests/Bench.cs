using Akka.Configuration;
using Iced.Intel;
using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Tests;

/// <summary>
/// A machine with one or more vCPUs and a program of the test's, in memory that is all there unless a test takes some away.
/// </summary>
internal sealed class Bench : IAsyncDisposable
{
    /// <summary>Where the program lies, and where its first page of data does.</summary>
    public const ulong Code = GuestPlan.Code;

    private readonly UffdRuntime _runtime;
    private readonly KvmHost _kvm;

    private Bench(UffdRuntime runtime, KvmHost kvm, UffdVm vm, GuestRegion memory, KvmMachine machine, GuestPlan plan)
    {
        _runtime = runtime;
        _kvm = kvm;
        Vm = vm;
        Memory = memory;
        Machine = machine;
        Plan = plan;
    }

    public GuestPlan Plan { get; }

    public UffdVm Vm { get; }

    public GuestRegion Memory { get; }

    public KvmMachine Machine { get; }

    /// <summary>First guest address behind program and page tables.</summary>
    public ulong Data => (ulong)Plan.BootBytes;

    /// <summary>Makes it; the vCPUs are at the program's start.</summary>
    public static async Task<Bench> MakeAsync(
        Action<Assembler> program, int vcpus = 1, TimeSpan? stopTimeout = null, IKvmDevice? device = null,
        Func<UffdVm, GuestRegion, Task>? serve = null, string closeTimeout = "300s",
        Func<VmOptions, VmOptions>? change = null)
    {
        GuestPlan plan = Guests.Plan(ProgramKind.Walk, vcpus, dataPages: 64);
        Assembler assembler = new(64);
        program(assembler);
        byte[] boot = BootArea.Make(plan, GuestProgram.Bytes(assembler, Code));
        UffdRuntime runtime = UffdRuntime.Start(
            ConfigurationFactory.ParseString($"uffd.close-timeout = {closeTimeout}").WithFallback(UffdSettings.Profile("live")));
        KvmHost kvm = KvmHost.Start();
        KvmMachine? machine = null;
        VmOptions options = new() { MemoryPages = 1024, StopGuest = c => machine?.StopAsync(c) ?? Task.CompletedTask };
        UffdVm vm = await runtime.CreateVmAsync(change?.Invoke(options) ?? options);
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = plan.MemoryBytes >> 12 });
        using (Linux.Memory.GuestMemory window = Linux.Memory.GuestMemory.Adopt(
            memory.Address, (long)memory.Bytes, Linux.Memory.MemoryBacking.Anonymous, isShared: false)) window.Write(0, boot);
        if (serve is not null) await serve(vm, memory);
        machine = await kvm.CreateAsync(new KvmMachineOptions
        {
            Memory = [new KvmSlot(memory, 0)],
            Vcpus = vcpus,
            Devices = device is null ? [] : [device],
            StopTimeout = stopTimeout ?? TimeSpan.FromMinutes(5),
        });
        foreach (KvmVcpu vcpu in machine.Vcpus) await vcpu.EnterLongModeAsync(plan.RegsOf(vcpu.Number), GuestPlan.Tables);
        return new Bench(runtime, kvm, vm, memory, machine, plan);
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync();
        await Vm.DisposeAsync();
        await _kvm.DisposeAsync();
        await _runtime.DisposeAsync();
    }
}
