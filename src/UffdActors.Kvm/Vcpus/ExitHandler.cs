using System.Globalization;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.State;
using UffdActors.Linux;

namespace UffdActors.Kvm.Vcpus;

/// <summary>
/// Handles exits from KVM_RUN: a device answers and the guest continues, or the vCPU has ended. On the vCPU's thread.
/// </summary>
internal sealed class ExitHandler(VcpuParts parts)
{
    private readonly RunPage _run = parts.Run;
    private readonly int _vcpu = parts.Number;

    /// <summary>Handles the exit in <c>kvm_run</c>.</summary>
    /// <returns>How the vCPU has ended; null if the guest continues.</returns>
    public VcpuEnd? Handle()
    {
        uint reason = _run.ExitReason;
        return reason switch
        {
            KvmExit.KVM_EXIT_IO => Guarded(Port),
            KvmExit.KVM_EXIT_MMIO => Guarded(Mmio),
            KvmExit.KVM_EXIT_INTR => null,
            KvmExit.KVM_EXIT_HLT => End(VcpuEndKind.Halted, "has halted", null),
            KvmExit.KVM_EXIT_SHUTDOWN => End(
                VcpuEndKind.TripleFault, "has triple-faulted (KVM_EXIT_SHUTDOWN)", Known(() => StateCalls.FaultAddress(parts.Handle))),
            KvmExit.KVM_EXIT_INTERNAL_ERROR => End(
                VcpuEndKind.InternalError, Text($"met an internal error of KVM (KVM_EXIT_INTERNAL_ERROR, {InternalError()})"), null),
            KvmExit.KVM_EXIT_FAIL_ENTRY => End(
                VcpuEndKind.FailedEntry,
                Text($"was refused by the processor (KVM_EXIT_FAIL_ENTRY, reason 0x{_run.Word64(RunLayout.FailEntryReason):x})"), null),
            _ => End(VcpuEndKind.UnhandledExit, Text($"made an exit that is not handled ({KvmExit.NameOf(reason)})"), null),
        };
    }

    /// <summary>KVM_RUN has failed.</summary>
    public VcpuEnd Failed(Errno error)
    {
        if (error != Errno.EFAULT) return End(VcpuEndKind.RunFailed, Text($"cannot go on: KVM_RUN gave {error}"), null);
        // The address comes with the errno where the kernel has KVM_CAP_MEMORY_FAULT_INFO.
        bool isNamed = _run.ExitReason == KvmExit.KVM_EXIT_MEMORY_FAULT;
        return End(
            VcpuEndKind.MemoryFault, "could not have a page of its memory: KVM_RUN gave EFAULT",
            isNamed ? _run.Word64(RunLayout.MemoryFaultGpa) : null);
    }

    /// <summary>An end, with the place where the vCPU is.</summary>
    public VcpuEnd End(VcpuEndKind kind, string what, ulong? address) =>
        EndText.Of(_vcpu, kind, what, Known(() => StateCalls.Regs(parts.Handle).Rip), address, parts.Map);

    private VcpuEnd? Guarded(Func<VcpuEnd?> exit)
    {
        try
        {
            return exit();
        }
        catch (Exception e)
        {
            return End(VcpuEndKind.DeviceFailed, $"used a device that threw: {e.Message.TrimEnd('.')};", null);
        }
    }

    private VcpuEnd? Port()
    {
        bool isOut = _run.Byte(RunLayout.IoDirection) == KvmExit.KVM_EXIT_IO_OUT;
        int size = _run.Byte(RunLayout.IoSize);
        ushort port = _run.Word16(RunLayout.IoPort);
        uint count = _run.Word32(RunLayout.IoCount);
        Span<byte> all = _run.At((long)_run.Word64(RunLayout.IoDataOffset), count * size);
        // More than one where the guest uses REP.
        for (int i = 0; i < count; i++)
        {
            Span<byte> data = all.Slice(i * size, size);
            bool isHandled = false;
            foreach (IKvmDevice device in parts.Devices)
            {
                isHandled = isOut ? device.TryOut(_vcpu, port, data) : device.TryIn(_vcpu, port, data);
                if (isHandled) break;
            }

            if (!isHandled)
                return End(VcpuEndKind.UnhandledExit, Text($"used port 0x{port:x} ({(isOut ? "OUT" : "IN")}), which no device has,"), null);
        }

        return null;
    }

    private VcpuEnd? Mmio()
    {
        ulong address = _run.Word64(RunLayout.MmioPhysAddr);
        int length = (int)Math.Min(8, _run.Word32(RunLayout.MmioLen));
        bool isWrite = _run.Byte(RunLayout.MmioIsWrite) != 0;
        // In memory of the machine this is no device: the kernel could not fault the page in (nested KVM reports EFAULT so).
        if (parts.Map.Find(address) is not null)
            return End(VcpuEndKind.MemoryFault, "could not have a page of its memory (KVM_EXIT_MMIO inside a slot)", address);
        Span<byte> data = _run.At(RunLayout.MmioData, length);
        foreach (IKvmDevice device in parts.Devices)
        {
            if (isWrite ? device.TryWrite(_vcpu, address, data) : device.TryRead(_vcpu, address, data)) return null;
        }

        return End(VcpuEndKind.UnhandledExit, $"{(isWrite ? "wrote to" : "read from")} an address that no device has", address);
    }

    private string InternalError()
    {
        uint suberror = _run.Word32(RunLayout.InternalSuberror);
        string name = suberror switch
        {
            1 => "suberror 1: an instruction that KVM does not emulate",
            2 => "suberror 2: exceptions at the same time",
            3 => "suberror 3: while an event was delivered",
            4 => "suberror 4: an exit of the processor that KVM does not expect",
            _ => Text($"suberror {suberror}"),
        };
        return name;
    }

    // The kernel may refuse, as for a guest with protected state; the report has no rip then.
    private static ulong? Known(Func<ulong> ask)
    {
        try
        {
            return ask();
        }
        catch (SyscallException)
        {
            return null;
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
