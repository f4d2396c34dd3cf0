using System.Buffers.Binary;
using Iced.Intel;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Programs;
using static Iced.Intel.AssemblerRegisters;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest with more memory than fits below the page of the local APIC: two slots, with a hole between them.</summary>
public sealed class HighMemoryTests
{
    private const long MemoryBytes = (4L << 30) + (512L << 20);

    // The last word below the hole, the first behind it, one that only lies in memory because of the hole, and the last page.
    private static readonly ulong[] Places =
        [(ulong)GuestPlan.LowBytes - 4096, (ulong)GuestPlan.LowBytes, (4UL << 30) - 4096, 4UL << 30, (ulong)MemoryBytes - 4096];

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_beyond_3_GiB_is_read_and_written_where_it_belongs(bool largePages)
    {
        ThisKvm.Require();
        GuestPlan plan = new() { Kind = ProgramKind.Walk, MemoryBytes = MemoryBytes, Vcpus = 1, LargePages = largePages };
        Assert.Null(plan.Problem());
        using NumberSource source = new(BootArea.Make(plan, Program()), MemoryBytes >> 12);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        KvmMachine? guest = null;
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions
        {
            MemoryPages = MemoryBytes >> 12,
            StopGuest = cancel => guest?.StopAsync(cancel) ?? Task.CompletedTask,
        });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = MemoryBytes >> 12 });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        await using KvmMachine machine = guest = await kvm.CreateAsync(new KvmMachineOptions { Memory = plan.Slots(memory) });
        await machine.Vcpus[0].EnterLongModeAsync(plan.RegsOf(0), GuestPlan.Tables);

        IReadOnlyList<VcpuEnd> ends = await machine.RunAsync(TimeSpan.FromMinutes(5), uffd);

        Assert.Equal(VcpuEndKind.Halted, ends[0].Kind);
        ulong sum = 0;
        GuestReader reader = vm.NewReader();
        byte[] page = new byte[4096];
        foreach (ulong place in Places)
        {
            sum += place >> 12;
            Assert.True(reader.TryRead(memory, (long)(place >> 12), page), $"0x{place:x} is not there");
            // What the guest added to the page's own number, which is still beside it.
            Assert.Equal(sum, BinaryPrimitives.ReadUInt64LittleEndian(page));
            Assert.Equal(place >> 12, BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(8)));
        }

        Assert.Equal(sum, (await machine.Vcpus[0].SaveAsync()).Regs.Rbx);
    }

    [Fact]
    public void An_address_is_the_page_of_the_slot_that_it_lies_in()
    {
        GuestRegion memory = new(7, 0, MemoryBytes >> 12, null, 4096, 0);
        MemoryMap map = new(new GuestPlan { Kind = ProgramKind.Walk, MemoryBytes = MemoryBytes, Vcpus = 1 }.Slots(memory));
        Assert.Equal((memory, (GuestPlan.LowBytes >> 12) - 1), map.Find((ulong)GuestPlan.LowBytes - 1));
        Assert.Null(map.Find((ulong)GuestPlan.LowBytes));
        Assert.Null(map.Find(0xFEE0_0000));
        Assert.Equal((memory, GuestPlan.LowBytes >> 12), map.Find(GuestPlan.High));
        Assert.Equal((memory, memory.Pages - 1), map.Find(GuestPlan.PhysicalOf((ulong)MemoryBytes - 1)));
        Assert.Null(map.Find(GuestPlan.PhysicalOf((ulong)MemoryBytes)));
    }

    // Reads each place, and writes the sum so far to it.
    private static byte[] Program()
    {
        Assembler c = new(64);
        c.xor(ebx, ebx);
        foreach (ulong place in Places)
        {
            c.mov(rsi, place);
            c.add(rbx, __qword_ptr[rsi]);
            c.mov(__qword_ptr[rsi], rbx);
        }

        c.hlt();
        return GuestProgram.Bytes(c, GuestPlan.Code);
    }

    // The boot area, and behind it pages that begin with their number, twice.
    private sealed class NumberSource(byte[] boot, long pages) : IPageSource
    {
        public long Pages => pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            Span<byte> room = order.Room(order.FirstPage, order.Pages);
            for (int i = 0; i < order.Pages; i++)
            {
                long page = order.FirstPage + i;
                Span<byte> bytes = room.Slice(i << 12, 4096);
                if (page < boot.Length >> 12)
                {
                    boot.AsSpan((int)page << 12, 4096).CopyTo(bytes);
                    continue;
                }

                bytes.Clear();
                BinaryPrimitives.WriteInt64LittleEndian(bytes, page);
                BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], page);
            }

            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, order.Buffer);
        }

        public void Dispose()
        {
        }
    }
}
