using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Tests;

/// <summary>The VMM of src/UffdActors.Kvm/README.md, line by line.</summary>
internal static class SmallVmm
{
    public static async Task<(VcpuEnd End, ulong Sum, long Faults)> RunAsync()
    {
        const int Pages = 256;
        const int FirstData = 16;
        byte[] image = new byte[Pages * 4096];
        Set(0x1000, 0x2000 | 3);
        Set(0x2000, 0x3000 | 3);
        Set(0x3000, 0x83);
        Sum(FirstData, Pages - FirstData).CopyTo(image, 0x4000);
        for (int page = FirstData; page < Pages; page++) Set(page * 4096, (ulong)page);

        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        KvmMachine? guest = null;
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions
        {
            MemoryPages = Pages,
            StopGuest = cancel => guest?.StopAsync(cancel) ?? Task.CompletedTask,
        });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        await uffd.RegisterAsync(memory, RegisterModes.Missing);
        using BytesSource source = new(image);
        await uffd.ServeAsync(new ServeOptions { Source = source });

        await using KvmMachine machine = guest = await kvm.CreateAsync(new KvmMachineOptions { Memory = [new KvmSlot(memory, 0)] });
        await machine.Vcpus[0].EnterLongModeAsync(new KvmRegs { Rip = 0x4000 }, pageTables: 0x1000);
        IReadOnlyList<VcpuEnd> ends = await machine.RunAsync(deadline: TimeSpan.FromMinutes(1), uffd);
        KvmVcpuState state = await machine.Vcpus[0].SaveAsync();
        Console.WriteLine($"{ends[0].Message} The sum is {state.Regs.Rbx}, after {uffd.Faults} faults.");
        return (ends[0], state.Regs.Rbx, uffd.Faults);

        void Set(int at, ulong word) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), word);

        static byte[] Sum(int first, int count)
        {
            Assembler c = new(64);
            Label next = c.CreateLabel();
            c.mov(esi, first * 4096);
            c.mov(ecx, count);
            c.Label(ref next);
            c.add(rbx, __qword_ptr[rsi]);
            c.add(rsi, 4096);
            c.dec(rcx);
            c.jne(next);
            c.hlt();
            using MemoryStream bytes = new();
            c.Assemble(new StreamCodeWriter(bytes), 0x4000);
            return bytes.ToArray();
        }
    }
}
