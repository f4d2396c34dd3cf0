using System.Diagnostics;
using System.Globalization;
using Iced.Intel;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.State;
using UffdActors.Linux;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Runs;

/// <summary>
/// Queries KVM's extensions, and runs a guest of a few thousand instructions, in memory of its own. Frees everything.
/// </summary>
internal static class VmmProbe
{
    private const int Turns = 2000;
    private const int InstructionsOfTurn = 2;

    /// <summary>Asks.</summary>
    public static VmmFacts Run()
    {
        KvmOffer? offer = null;
        try
        {
            using KvmHandle device = KvmHandle.OpenDevice();
            offer = KvmOffer.Read(device);
            return offer.Problem() is { } problem
                ? Facts(problem, offer)
                : Facts(null, offer) with { InstructionNanoseconds = Time(device) };
        }
        catch (Exception e) when (e is UnsupportedMachineException or SyscallException or InvalidOperationException)
        {
            return Facts(e.Message, offer);
        }
    }

    private static VmmFacts Facts(string? problem, KvmOffer? offer) =>
        new(problem, offer?.Missing ?? [], offer?.RecommendedVcpus, offer?.MaxVcpus, offer?.MemorySlots, null, HostVirtualization.Read())
        {
            HasInterruptController = offer?.HasInterruptController,
        };

    /// <exception cref="SyscallException">The kernel refuses.</exception>
    /// <exception cref="InvalidOperationException">The guest does not end.</exception>
    private static double Time(KvmHandle device)
    {
        GuestPlan plan = new()
        {
            Kind = ProgramKind.Walk,
            MemoryBytes = GuestPlan.MemoryFor(GuestPlan.PageBytes, largePages: true),
            Vcpus = 1,
            LargePages = true,
        };
        using GuestMemory memory = GuestMemory.MapAnonymous(plan.MemoryBytes);
        memory.Write(0, BootArea.Make(plan, Program()));
        using KvmHandle vm = device.Create(KvmIoctl.KVM_CREATE_VM, 0, nameof(KvmIoctl.KVM_CREATE_VM));
        KvmUserspaceMemoryRegion slot = new() { MemorySize = (ulong)memory.Bytes, UserspaceAddr = memory.Address };
        _ = vm.Call(KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref slot, nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION));
        using KvmHandle vcpu = vm.Create(KvmIoctl.KVM_CREATE_VCPU, 0, nameof(KvmIoctl.KVM_CREATE_VCPU));
        using RunPage run = vcpu.MapRun(device.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE, 0, nameof(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE)));
        StateCalls.SetCpuid(vcpu, StateCalls.SupportedCpuid(device));
        StateCalls.EnterLongMode(vcpu, plan.RegsOf(0), GuestPlan.Tables);

        long begun = Stopwatch.GetTimestamp();
        while (vcpu.TryCall(KvmIoctl.KVM_RUN, 0, out Errno error) < 0)
        {
            if (error is not (Errno.EINTR or Errno.EAGAIN)) throw new SyscallException("ioctl(KVM_RUN)", error);
        }

        TimeSpan time = Stopwatch.GetElapsedTime(begun);
        return run.ExitReason == KvmExit.KVM_EXIT_HLT
            ? time.TotalNanoseconds / (Turns * InstructionsOfTurn)
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"A guest of a few instructions does not run: {KvmExit.NameOf(run.ExitReason)} at rip 0x{StateCalls.Regs(vcpu).Rip:x}."));
    }

    private static byte[] Program()
    {
        Assembler c = new(64);
        Label again = c.CreateLabel();
        c.mov(ecx, Turns);
        c.Label(ref again);
        c.dec(rcx);
        c.jne(again);
        c.hlt();
        return GuestProgram.Bytes(c, GuestPlan.Code);
    }
}
