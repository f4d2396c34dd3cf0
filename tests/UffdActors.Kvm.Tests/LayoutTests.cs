using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.State;

namespace UffdActors.Kvm.Tests;

/// <summary>
/// Numbers, sizes and offsets are those of <c>linux/kvm.h</c>: as they are documented, and as the header of this machine has them.
/// </summary>
public sealed class LayoutTests
{
    private static readonly (string Name, Type Type)[] Structures =
    [
        ("kvm_regs", typeof(KvmRegs)), ("kvm_segment", typeof(KvmSegment)), ("kvm_dtable", typeof(KvmDtable)),
        ("kvm_sregs", typeof(KvmSregs)), ("kvm_userspace_memory_region", typeof(KvmUserspaceMemoryRegion)),
        ("kvm_cpuid_entry2", typeof(KvmCpuidEntry2)), ("kvm_msr_entry", typeof(KvmMsrEntry)),
    ];

    [Theory]
    [InlineData(typeof(KvmRegs), 144)]
    [InlineData(typeof(KvmSegment), 24)]
    [InlineData(typeof(KvmDtable), 16)]
    [InlineData(typeof(KvmSregs), 312)]
    public void Structures_have_the_size_of_the_kernel_header(Type type, int size) => Assert.Equal(size, Marshal.SizeOf(type));

    // _IOC(direction, type 0xAE, nr, size): direction in bits 30 and 31 (1 write, 2 read), size from bit 16.
    [Theory]
    [InlineData(nameof(KvmIoctl.KVM_RUN), 0, 0x80, 0)]
    [InlineData(nameof(KvmIoctl.KVM_GET_REGS), 2, 0x81, CallSizes.Regs)]
    [InlineData(nameof(KvmIoctl.KVM_SET_REGS), 1, 0x82, CallSizes.Regs)]
    [InlineData(nameof(KvmIoctl.KVM_GET_SREGS), 2, 0x83, CallSizes.Sregs)]
    [InlineData(nameof(KvmIoctl.KVM_SET_SREGS), 1, 0x84, CallSizes.Sregs)]
    [InlineData(nameof(KvmIoctl.KVM_GET_XSAVE), 2, 0xA4, CallSizes.Xsave)]
    [InlineData(nameof(KvmIoctl.KVM_SET_XSAVE), 1, 0xA5, CallSizes.Xsave)]
    [InlineData(nameof(KvmIoctl.KVM_GET_XCRS), 2, 0xA6, CallSizes.Xcrs)]
    [InlineData(nameof(KvmIoctl.KVM_SET_XCRS), 1, 0xA7, CallSizes.Xcrs)]
    [InlineData(nameof(KvmIoctl.KVM_GET_DEBUGREGS), 2, 0xA1, CallSizes.DebugRegs)]
    [InlineData(nameof(KvmIoctl.KVM_SET_DEBUGREGS), 1, 0xA2, CallSizes.DebugRegs)]
    [InlineData(nameof(KvmIoctl.KVM_GET_MP_STATE), 2, 0x98, CallSizes.MpState)]
    [InlineData(nameof(KvmIoctl.KVM_SET_MP_STATE), 1, 0x99, CallSizes.MpState)]
    [InlineData(nameof(KvmIoctl.KVM_GET_VCPU_EVENTS), 2, 0x9F, CallSizes.Events)]
    [InlineData(nameof(KvmIoctl.KVM_SET_VCPU_EVENTS), 1, 0xA0, CallSizes.Events)]
    [InlineData(nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION), 1, 0x46, 32)]
    public void Commands_encode_direction_number_and_size(string command, uint direction, uint number, uint size) =>
        Assert.Equal((direction << 30) | (size << 16) | (0xAEu << 8) | number, NumbersOf(typeof(KvmIoctl))[command]);

    [SkippableFact]
    public async Task The_header_of_this_machine_says_the_same()
    {
        Skip.IfNot(File.Exists("/usr/include/linux/kvm.h") && File.Exists("/usr/bin/gcc"), "There is no linux/kvm.h, or no gcc to ask it.");
        Dictionary<string, ulong> ours = [];
        foreach ((string name, Type type) in Structures) ours["sizeof(struct " + name + ")"] = (ulong)Marshal.SizeOf(type);
        foreach ((string name, ulong value) in NumbersOf(typeof(KvmIoctl)).Concat(NumbersOf(typeof(KvmCap)))
            .Concat(NumbersOf(typeof(KvmExit)).Where(n => n.Key != nameof(KvmExit.KVM_EXIT_MEMORY_FAULT)))) ours[name] = value;
        (string Field, int Offset)[] fields =
        [
            ("immediate_exit", RunLayout.ImmediateExit), ("exit_reason", RunLayout.ExitReason), ("io.direction", RunLayout.IoDirection),
            ("io.size", RunLayout.IoSize), ("io.port", RunLayout.IoPort), ("io.count", RunLayout.IoCount),
            ("io.data_offset", RunLayout.IoDataOffset), ("mmio.phys_addr", RunLayout.MmioPhysAddr), ("mmio.data", RunLayout.MmioData),
            ("mmio.len", RunLayout.MmioLen), ("mmio.is_write", RunLayout.MmioIsWrite), ("internal.suberror", RunLayout.InternalSuberror),
            ("fail_entry.hardware_entry_failure_reason", RunLayout.FailEntryReason),
        ];
        foreach ((string field, int offset) in fields) ours[$"offsetof(struct kvm_run, {field})"] = (ulong)offset;
        IEnumerable<FieldInfo> control =
            typeof(KvmSregs).GetFields().Where(f => f.FieldType == typeof(ulong) && !f.Name.StartsWith("Int", StringComparison.Ordinal));
        foreach (FieldInfo field in control)
        {
            string name = field.Name == "ApicBase" ? "apic_base" : field.Name.ToLowerInvariant();
            ours[$"offsetof(struct kvm_sregs, {name})"] = (ulong)Marshal.OffsetOf<KvmSregs>(field.Name);
        }

        foreach (FieldInfo field in typeof(KvmRegs).GetFields())
            ours[$"offsetof(struct kvm_regs, {field.Name.ToLowerInvariant()})"] = (ulong)Marshal.OffsetOf<KvmRegs>(field.Name);
        Dictionary<string, ulong> theirs = await AskAsync(ours.Keys);
        Assert.Equal(ours.OrderBy(o => o.Key, StringComparer.Ordinal), theirs.OrderBy(o => o.Key, StringComparer.Ordinal));
    }

    private static Dictionary<string, ulong> NumbersOf(Type type) => type.GetFields(BindingFlags.Public | BindingFlags.Static)
        .ToDictionary(f => f.Name, f => Convert.ToUInt64(f.GetRawConstantValue(), CultureInfo.InvariantCulture));

    private static async Task<Dictionary<string, ulong>> AskAsync(IEnumerable<string> expressions)
    {
        string folder = Directory.CreateTempSubdirectory("kvm-layout-").FullName;
        try
        {
            StringBuilder source = new("#include <linux/kvm.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n");
            foreach (string e in expressions)
                _ = source.Append(CultureInfo.InvariantCulture, $"printf(\"{e}=%lu\\n\", (unsigned long)({e}));\n");
            string file = Path.Combine(folder, "layout.c");
            await File.WriteAllTextAsync(file, source.Append("return 0;\n}\n").ToString());
            _ = await RunAsync("/usr/bin/gcc", "-o", Path.Combine(folder, "layout"), file);
            return (await RunAsync(Path.Combine(folder, "layout"))).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('=')).ToDictionary(p => p[0], p => ulong.Parse(p[1], CultureInfo.InvariantCulture));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await error);
        return output;
    }
}
