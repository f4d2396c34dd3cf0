using Akka.Actor;
using Akka.Configuration;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.State;
using UffdActors.Kvm.Vcpus;
using UffdActors.Linux;
using UffdActors.Linux.Needs;

namespace UffdActors.Kvm;

/// <summary>
/// KVM of this machine: makes machines whose memory a VM of the runtime serves. Owns an actor system for their vCPUs, or borrows one.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
/// <example>
/// <code>
/// await using UffdVm vm = await runtime.CreateVmAsync(options);
/// GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = 8192 });
/// await using KvmHost kvm = KvmHost.Start();
/// await using KvmMachine machine = await kvm.CreateAsync(new KvmMachineOptions { Memory = [new KvmSlot(memory, 0)], Vcpus = 2 });
/// </code>
/// </example>
public sealed class KvmHost : IAsyncDisposable
{
    // Two hosts may use one actor system, in which names of actors are unique.
    private static int _machines;

    private readonly KvmHandle _device;
    private readonly ActorSystem _system;
    private readonly bool _ownsSystem;
    private readonly int _runBytes;

    private KvmHost(KvmHandle device, ActorSystem system, bool ownsSystem, int runBytes)
    {
        _device = device;
        _system = system;
        _ownsSystem = ownsSystem;
        _runBytes = runBytes;
    }

    /// <summary>Opens <c>/dev/kvm</c>, and starts an actor system.</summary>
    /// <exception cref="UnsupportedMachineException">There is no KVM for this process, or it lacks what is needed.</exception>
    public static KvmHost Start()
    {
        (KvmHandle device, int runBytes) = Open();
        ActorSystem system = ActorSystem.Create("kvm", QuietSystem());
        // Akka starts its timers with the first one, and blocks the thread that sets it: here this one, not a thread of the pool at
        // shutdown.
#pragma warning disable RS0030 // It is started here, and used by Akka alone.
        IActionScheduler scheduler = system.Scheduler.Advanced;
#pragma warning restore RS0030 // It is started.
        new Thread(() => scheduler.ScheduleOnce(TimeSpan.Zero, static () => { })) { IsBackground = true, Name = "kvm-timers" }.Start();
        return new KvmHost(device, system, ownsSystem: true, runBytes);
    }

    /// <summary>Opens <c>/dev/kvm</c>; the actors of vCPUs are made in the embedder's system, which is not stopped here.</summary>
    /// <exception cref="UnsupportedMachineException">There is no KVM for this process, or it lacks what is needed.</exception>
    public static KvmHost Borrow(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        (KvmHandle device, int runBytes) = Open();
        return new KvmHost(device, system, ownsSystem: false, runBytes);
    }

    /// <summary>Makes a machine. Its vCPUs are paused.</summary>
    /// <param name="options">Its memory, vCPUs and devices.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or a slot is not where its pages can be.</exception>
    /// <exception cref="UnsupportedMachineException">The memory is a guest_memfd.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public async Task<KvmMachine> CreateAsync(KvmMachineOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        MachineOptionCheck.Run(options);
        KickSignal.Prepare();
        KvmHandle vm = _device.Create(KvmIoctl.KVM_CREATE_VM, 0, nameof(KvmIoctl.KVM_CREATE_VM));
        List<KvmVcpu> vcpus = [];
        try
        {
            for (int i = 0; i < options.Memory.Count; i++) SetSlot(vm, i, options.Memory[i]);
            byte[] cpuid = StateCalls.SupportedCpuid(_device);
            IReadOnlyList<uint> msrs = StateCalls.MsrIndices(_device);
            MemoryMap map = new(options.Memory);
            int machine = Interlocked.Increment(ref _machines);
            for (int i = 0; i < options.Vcpus; i++)
            {
                KvmHandle handle = vm.Create(KvmIoctl.KVM_CREATE_VCPU, (nuint)i, nameof(KvmIoctl.KVM_CREATE_VCPU));
                RunPage run = handle.MapRun(_runBytes);
                StateCalls.SetCpuid(handle, cpuid);
                if (i == 0) msrs = StateCalls.ReadableMsrs(handle, msrs);
                VcpuView view = new(i);
                VcpuParts parts = new(i, handle, run, msrs, options.Devices, map, options.VcpuCpu);
                IActorRef actor = _system.ActorOf(VcpuActor.Props(parts, view), $"kvm-{machine}-{i}");
                KvmVcpu vcpu = new(actor, view, msrs);
                vcpus.Add(vcpu);
                // Also waits until the actor is there: pausing a paused vCPU completes at once.
                await vcpu.PauseAsync(cancellationToken);
                _ = await view.Thread!.Started.WaitAsync(cancellationToken);
            }

            return new KvmMachine(vm, vcpus, options, map);
        }
        catch
        {
            foreach (KvmVcpu vcpu in vcpus) vcpu.Actor.Tell(PoisonPill.Instance);
            vm.Dispose();
            throw;
        }
    }

    /// <summary>Closes the device, and ends the actor system if it is its own. Machines are disposed of before.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ownsSystem) await _system.Terminate();
        _device.Dispose();
    }

    private static void SetSlot(KvmHandle vm, int number, KvmSlot slot)
    {
        KvmUserspaceMemoryRegion region = new()
        {
            Slot = (uint)number,
            GuestPhysAddr = slot.GuestAddress,
            MemorySize = slot.Bytes,
            UserspaceAddr = slot.HostAddress,
        };
        _ = vm.Call(KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref region, $"KVM_SET_USER_MEMORY_REGION, region {slot.Region.Id}");
    }

    private static (KvmHandle Device, int RunBytes) Open()
    {
        KvmHandle device = KvmHandle.OpenDevice();
        try
        {
            KvmOffer.Read(device).ThrowIfNotEnough();
            return (device, device.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE, 0, nameof(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE)));
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    private static Config QuietSystem() => ConfigurationFactory.ParseString(
        """
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          log-dead-letters = off
          coordinated-shutdown.run-by-clr-shutdown-hook = off
        }
        """);
}
