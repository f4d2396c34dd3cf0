using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Kvm.Native;
using UffdActors.Linux;

namespace UffdActors.Kvm.State;

/// <summary>Reads the state of a vCPU that does not run from the kernel, and writes one. On the vCPU's thread.</summary>
internal static class StateCalls
{
    /// <summary>Of a list, the bytes before its entries: how many there are, and padding.</summary>
    private const int ListHead = 8;

    /// <summary>The state now.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="msrs">Model-specific registers that the machine has.</param>
    /// <param name="isHalted">The guest has halted it for good.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static KvmVcpuState Save(KvmHandle vcpu, IReadOnlyList<uint> msrs, bool isHalted)
    {
        SortedDictionary<StatePart, byte[]> parts = new()
        {
            // First, since it processes pending events; events last, since the calls before may change them (api.rst, KVM_GET_MP_STATE).
            [StatePart.MpState] = Get(vcpu, KvmIoctl.KVM_GET_MP_STATE, StatePart.MpState),
            [StatePart.Regs] = Get(vcpu, KvmIoctl.KVM_GET_REGS, StatePart.Regs),
            [StatePart.Sregs] = Get(vcpu, KvmIoctl.KVM_GET_SREGS, StatePart.Sregs),
            [StatePart.Xsave] = Get(vcpu, KvmIoctl.KVM_GET_XSAVE, StatePart.Xsave),
            [StatePart.Xcrs] = Get(vcpu, KvmIoctl.KVM_GET_XCRS, StatePart.Xcrs),
            [StatePart.DebugRegs] = Get(vcpu, KvmIoctl.KVM_GET_DEBUGREGS, StatePart.DebugRegs),
            [StatePart.Msrs] = GetMsrs(vcpu, msrs),
            [StatePart.Cpuid] = GetCpuid(vcpu),
            [StatePart.Events] = Get(vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS, StatePart.Events),
            [StatePart.Halted] = [isHalted ? (byte)1 : (byte)0],
        };
        return new KvmVcpuState(parts);
    }

    /// <summary>Writes a state.</summary>
    /// <exception cref="KvmStateException">The kernel refuses a part of it.</exception>
    public static void Load(KvmHandle vcpu, KvmVcpuState state)
    {
        try
        {
            // CPUID before registers; the mode before the registers that depend on it.
            if (!GetCpuid(vcpu).AsSpan().SequenceEqual(state[StatePart.Cpuid])) SetCpuid(vcpu, state[StatePart.Cpuid]);
            Set(vcpu, KvmIoctl.KVM_SET_SREGS, state, StatePart.Sregs);
            Set(vcpu, KvmIoctl.KVM_SET_REGS, state, StatePart.Regs);
            Set(vcpu, KvmIoctl.KVM_SET_XCRS, state, StatePart.Xcrs);
            Set(vcpu, KvmIoctl.KVM_SET_XSAVE, state, StatePart.Xsave);
            Set(vcpu, KvmIoctl.KVM_SET_DEBUGREGS, state, StatePart.DebugRegs);
            SetMsrs(vcpu, state[StatePart.Msrs]);
            Set(vcpu, KvmIoctl.KVM_SET_MP_STATE, state, StatePart.MpState);
            Set(vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, state, StatePart.Events);
        }
        catch (SyscallException e)
        {
            throw new KvmStateException($"This machine does not take the state of the vCPU: {e.Message}", e);
        }
    }

    /// <summary>A vCPU in long mode, flat, with paging on; everything else as the kernel makes it.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="regs">Registers; RFLAGS gets the bit that is always set.</param>
    /// <param name="pageTables">Physical address of the top page table (CR3).</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static void EnterLongMode(KvmHandle vcpu, KvmRegs regs, ulong pageTables)
    {
        const ulong ProtectedPagingNumericError = 0x80050033;
        const ulong PhysicalAddressExtension = 0x20;
        const ulong LongModeActive = 0x500;
        KvmSregs sregs = default;
        _ = vcpu.Call(KvmIoctl.KVM_GET_SREGS, ref sregs, nameof(KvmIoctl.KVM_GET_SREGS));
        sregs.Cr0 = ProtectedPagingNumericError;
        sregs.Cr3 = pageTables;
        sregs.Cr4 = PhysicalAddressExtension;
        sregs.Efer = LongModeActive;
        // Execute, read, accessed; and read, write, accessed.
        KvmSegment code = new() { Limit = uint.MaxValue, Selector = 8, Type = 11, Present = 1, S = 1, L = 1, G = 1 };
        KvmSegment data = new() { Limit = uint.MaxValue, Selector = 16, Type = 3, Present = 1, S = 1, Db = 1, G = 1 };
        sregs.Cs = code;
        sregs.Ds = sregs.Es = sregs.Fs = sregs.Gs = sregs.Ss = data;
        // No IDT: an exception finds no gate, and the triple fault ends the vCPU (KVM_EXIT_SHUTDOWN).
        sregs.Idt = default;
        _ = vcpu.Call(KvmIoctl.KVM_SET_SREGS, ref sregs, nameof(KvmIoctl.KVM_SET_SREGS));
        regs.Rflags |= 2;
        _ = vcpu.Call(KvmIoctl.KVM_SET_REGS, ref regs, nameof(KvmIoctl.KVM_SET_REGS));
    }

    /// <summary>The registers now.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static KvmRegs Regs(KvmHandle vcpu)
    {
        KvmRegs regs = default;
        _ = vcpu.Call(KvmIoctl.KVM_GET_REGS, ref regs, nameof(KvmIoctl.KVM_GET_REGS));
        return regs;
    }

    /// <summary>CR2: the address of the last page fault in the guest.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static ulong FaultAddress(KvmHandle vcpu)
    {
        KvmSregs sregs = default;
        _ = vcpu.Call(KvmIoctl.KVM_GET_SREGS, ref sregs, nameof(KvmIoctl.KVM_GET_SREGS));
        return sregs.Cr2;
    }

    /// <summary>The CPUID that this machine can offer to a guest.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static byte[] SupportedCpuid(KvmHandle device) =>
        List(device, KvmIoctl.KVM_GET_SUPPORTED_CPUID, nameof(KvmIoctl.KVM_GET_SUPPORTED_CPUID), CallSizes.CpuidEntry,
            CallSizes.MostCpuidEntries);

    /// <summary>Which model-specific registers a vCPU's state has.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static IReadOnlyList<uint> MsrIndices(KvmHandle device)
    {
        byte[] list = new byte[4 + (CallSizes.MostMsrs * 4)];
        BinaryPrimitives.WriteInt32LittleEndian(list, CallSizes.MostMsrs);
        _ = device.Call(KvmIoctl.KVM_GET_MSR_INDEX_LIST, list.AsSpan(), nameof(KvmIoctl.KVM_GET_MSR_INDEX_LIST));
        int count = BinaryPrimitives.ReadInt32LittleEndian(list);
        return [.. MemoryMarshal.Cast<byte, uint>(list.AsSpan(4, count * 4))];
    }

    /// <summary>Those of the registers that a vCPU can read: one that it cannot ends a call that asks for it.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static IReadOnlyList<uint> ReadableMsrs(KvmHandle vcpu, IReadOnlyList<uint> indices) =>
        [.. MemoryMarshal.Cast<byte, KvmMsrEntry>(GetMsrs(vcpu, indices)).ToArray().Select(e => e.Index)];

    /// <summary>Gives a vCPU its CPUID.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static void SetCpuid(KvmHandle vcpu, ReadOnlySpan<byte> entries)
    {
        byte[] list = new byte[ListHead + entries.Length];
        BinaryPrimitives.WriteInt32LittleEndian(list, entries.Length / CallSizes.CpuidEntry);
        entries.CopyTo(list.AsSpan(ListHead));
        _ = vcpu.Call(KvmIoctl.KVM_SET_CPUID2, list.AsSpan(), nameof(KvmIoctl.KVM_SET_CPUID2));
    }

    private static byte[] GetCpuid(KvmHandle vcpu) =>
        List(vcpu, KvmIoctl.KVM_GET_CPUID2, nameof(KvmIoctl.KVM_GET_CPUID2), CallSizes.CpuidEntry, CallSizes.MostCpuidEntries);

    private static byte[] List(KvmHandle handle, uint command, string name, int entryBytes, int most)
    {
        byte[] list = new byte[ListHead + (most * entryBytes)];
        BinaryPrimitives.WriteInt32LittleEndian(list, most);
        _ = handle.Call(command, list.AsSpan(), name);
        return list.AsSpan(ListHead, BinaryPrimitives.ReadInt32LittleEndian(list) * entryBytes).ToArray();
    }

    // KVM_GET_MSRS stops at the first register that it cannot read, and returns the number done: that register is left out.
    private static byte[] GetMsrs(KvmHandle vcpu, IReadOnlyList<uint> indices)
    {
        List<byte> all = [];
        for (int done = 0; done < indices.Count;)
        {
            byte[] list = MsrList([.. indices.Skip(done).Select(i => new KvmMsrEntry { Index = i })]);
            int got = vcpu.Call(KvmIoctl.KVM_GET_MSRS, list.AsSpan(), nameof(KvmIoctl.KVM_GET_MSRS));
            all.AddRange(list.AsSpan(ListHead, got * CallSizes.MsrEntry));
            done += got + 1;
        }

        return [.. all];
    }

    // The same when they are written; read-only registers need no writing. A register whose value this machine refuses is an error.
    private static void SetMsrs(KvmHandle vcpu, byte[] entries)
    {
        KvmMsrEntry[] msrs = [.. MemoryMarshal.Cast<byte, KvmMsrEntry>(entries)];
        for (int done = 0; done < msrs.Length;)
        {
            int set = vcpu.Call(KvmIoctl.KVM_SET_MSRS, MsrList(msrs.AsSpan(done)).AsSpan(), nameof(KvmIoctl.KVM_SET_MSRS));
            done += set;
            if (done == msrs.Length) return;
            byte[] one = MsrList([new KvmMsrEntry { Index = msrs[done].Index }]);
            int got = vcpu.Call(KvmIoctl.KVM_GET_MSRS, one.AsSpan(), nameof(KvmIoctl.KVM_GET_MSRS));
            ulong here = MemoryMarshal.Cast<byte, KvmMsrEntry>(one.AsSpan(ListHead))[0].Data;
            if (got != 1 || here != msrs[done].Data)
                throw new KvmStateException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"This machine does not take 0x{msrs[done].Data:x} for the model-specific register 0x{msrs[done].Index:x}."));
            done++;
        }
    }

    private static byte[] MsrList(ReadOnlySpan<KvmMsrEntry> entries)
    {
        byte[] list = new byte[ListHead + (entries.Length * CallSizes.MsrEntry)];
        BinaryPrimitives.WriteInt32LittleEndian(list, entries.Length);
        MemoryMarshal.AsBytes(entries).CopyTo(list.AsSpan(ListHead));
        return list;
    }

    private static byte[] Get(KvmHandle vcpu, uint command, StatePart part)
    {
        byte[] bytes = new byte[CallSizes.Of(part)!.Value];
        _ = vcpu.Call(command, bytes.AsSpan(), $"KVM_GET_{part}");
        return bytes;
    }

    private static void Set(KvmHandle vcpu, uint command, KvmVcpuState state, StatePart part) =>
        vcpu.Call(command, state[part].AsSpan(), $"KVM_SET_{part}");
}
