using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using UffdActors.Kvm.State;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Refuses a state whose CPU this machine does not have: KVM takes any CPUID, and a guest that was told of an instruction uses it.
/// </summary>
internal static class CpuCheck
{
    private const uint Features = 1;
    private const uint MoreFeatures = 7;
    private const uint AmdFeatures = 0x8000_0001;

    /// <summary>Compares the CPUID of a state with that of a machine that has just been made.</summary>
    /// <exception cref="KvmSnapshotException">The machine lacks something.</exception>
    /// <exception cref="KvmStateException">The state is damaged.</exception>
    public static async Task RunAsync(KvmMachine machine, ReadOnlyMemory<byte> state, CancellationToken cancel)
    {
        byte[] wanted = KvmMachine.Parse(state.Span)[0][StatePart.Cpuid];
        byte[] offered = (await machine.Vcpus[0].SaveAsync(cancel))[StatePart.Cpuid];
        if (Problem(wanted, offered) is { } problem) throw new KvmSnapshotException(problem);
    }

    /// <summary>What is lacking, a sentence; null if nothing is.</summary>
    /// <param name="wanted">Entries of <c>struct kvm_cpuid_entry2</c> that the guest was given.</param>
    /// <param name="offered">Those that this machine gives.</param>
    public static string? Problem(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> offered)
    {
        (string was, string now) = (Vendor(wanted), Vendor(offered));
        if (was != now)
            return $"The snapshot was taken on another machine: its CPU is \"{was}\", and this one \"{now}\"; restore it on one of the "
                + "same.";
        foreach ((uint leaf, string name, int register) in new[]
        {
            (Features, "ecx", 2), (Features, "edx", 3), (MoreFeatures, "ebx", 1), (MoreFeatures, "ecx", 2), (MoreFeatures, "edx", 3),
            (AmdFeatures, "ecx", 2), (AmdFeatures, "edx", 3),
        })
        {
            uint lacking = Register(wanted, leaf, register) & ~Register(offered, leaf, register);
            if (lacking != 0)
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"The snapshot was taken on another machine: its CPU has features that this one does not offer (CPUID 0x{leaf:x}, "
                        + $"{name} bits 0x{lacking:x}); restore it on one of the same.");
        }

        return null;
    }

    private static string Vendor(ReadOnlySpan<byte> entries)
    {
        byte[] name = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(name, Register(entries, 0, 1));
        BinaryPrimitives.WriteUInt32LittleEndian(name.AsSpan(4), Register(entries, 0, 3));
        BinaryPrimitives.WriteUInt32LittleEndian(name.AsSpan(8), Register(entries, 0, 2));
        return Encoding.ASCII.GetString(name).TrimEnd('\0');
    }

    // function, index, flags, eax, ebx, ecx, edx: words of an entry.
    private static uint Register(ReadOnlySpan<byte> entries, uint leaf, int register)
    {
        const int FirstRegister = 12;
        for (int at = 0; at + CallSizes.CpuidEntry <= entries.Length; at += CallSizes.CpuidEntry)
        {
            ReadOnlySpan<byte> entry = entries[at..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == leaf && BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) == 0)
                return BinaryPrimitives.ReadUInt32LittleEndian(entry[(FirstRegister + (register * 4))..]);
        }

        return 0;
    }
}
