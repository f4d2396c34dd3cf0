using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UffdActors.Abi.Tests;

/// <summary>Sizes and offsets of linux/userfaultfd.h (SEMANTICS 1.2, 1.3).</summary>
public class LayoutTests
{
    [Theory]
    [InlineData(typeof(UffdioApi), 24)]
    [InlineData(typeof(UffdioRange), 16)]
    [InlineData(typeof(UffdioRegister), 32)]
    [InlineData(typeof(UffdioCopy), 40)]
    [InlineData(typeof(UffdioZeroPage), 32)]
    [InlineData(typeof(UffdioWriteProtect), 24)]
    [InlineData(typeof(UffdioContinue), 32)]
    [InlineData(typeof(UffdioPoison), 32)]
    [InlineData(typeof(UffdioMove), 40)]
    [InlineData(typeof(UffdMsg), 32)]
    public void Structures_have_the_size_of_the_kernel_header(Type type, int size) => Assert.Equal(size, Marshal.SizeOf(type));

    [Theory]
    [InlineData(typeof(UffdioApi), nameof(UffdioApi.Api), 0)]
    [InlineData(typeof(UffdioApi), nameof(UffdioApi.Features), 8)]
    [InlineData(typeof(UffdioApi), nameof(UffdioApi.Ioctls), 16)]
    [InlineData(typeof(UffdioRange), nameof(UffdioRange.Start), 0)]
    [InlineData(typeof(UffdioRange), nameof(UffdioRange.Len), 8)]
    [InlineData(typeof(UffdioRegister), nameof(UffdioRegister.Range), 0)]
    [InlineData(typeof(UffdioRegister), nameof(UffdioRegister.Mode), 16)]
    [InlineData(typeof(UffdioRegister), nameof(UffdioRegister.Ioctls), 24)]
    [InlineData(typeof(UffdioCopy), nameof(UffdioCopy.Dst), 0)]
    [InlineData(typeof(UffdioCopy), nameof(UffdioCopy.Src), 8)]
    [InlineData(typeof(UffdioCopy), nameof(UffdioCopy.Len), 16)]
    [InlineData(typeof(UffdioCopy), nameof(UffdioCopy.Mode), 24)]
    [InlineData(typeof(UffdioCopy), nameof(UffdioCopy.Copy), 32)]
    [InlineData(typeof(UffdioZeroPage), nameof(UffdioZeroPage.Range), 0)]
    [InlineData(typeof(UffdioZeroPage), nameof(UffdioZeroPage.Mode), 16)]
    [InlineData(typeof(UffdioZeroPage), nameof(UffdioZeroPage.ZeroPage), 24)]
    [InlineData(typeof(UffdioContinue), nameof(UffdioContinue.Range), 0)]
    [InlineData(typeof(UffdioContinue), nameof(UffdioContinue.Mode), 16)]
    [InlineData(typeof(UffdioContinue), nameof(UffdioContinue.Mapped), 24)]
    [InlineData(typeof(UffdioPoison), nameof(UffdioPoison.Range), 0)]
    [InlineData(typeof(UffdioPoison), nameof(UffdioPoison.Mode), 16)]
    [InlineData(typeof(UffdioPoison), nameof(UffdioPoison.Updated), 24)]
    [InlineData(typeof(UffdioMove), nameof(UffdioMove.Dst), 0)]
    [InlineData(typeof(UffdioMove), nameof(UffdioMove.Src), 8)]
    [InlineData(typeof(UffdioMove), nameof(UffdioMove.Len), 16)]
    [InlineData(typeof(UffdioMove), nameof(UffdioMove.Mode), 24)]
    [InlineData(typeof(UffdioMove), nameof(UffdioMove.Move), 32)]
    [InlineData(typeof(UffdioWriteProtect), nameof(UffdioWriteProtect.Range), 0)]
    [InlineData(typeof(UffdioWriteProtect), nameof(UffdioWriteProtect.Mode), 16)]
    public void Fields_lie_where_the_kernel_reads_them(Type type, string field, int offset) =>
        Assert.Equal(offset, Marshal.OffsetOf(type, field).ToInt32());

    // _IOC(direction, type 0xAA, nr, size): direction in bits 30 and 31 (1 write, 2 read), size from bit 16.
    [Theory]
    [InlineData(UffdioCommand.Api, 3, UffdioNumber.Api, 24)]
    [InlineData(UffdioCommand.Register, 3, UffdioNumber.Register, 32)]
    [InlineData(UffdioCommand.Unregister, 2, UffdioNumber.Unregister, 16)]
    [InlineData(UffdioCommand.Wake, 2, UffdioNumber.Wake, 16)]
    [InlineData(UffdioCommand.Copy, 3, UffdioNumber.Copy, 40)]
    [InlineData(UffdioCommand.ZeroPage, 3, UffdioNumber.ZeroPage, 32)]
    [InlineData(UffdioCommand.Move, 3, UffdioNumber.Move, 40)]
    [InlineData(UffdioCommand.WriteProtect, 3, UffdioNumber.WriteProtect, 24)]
    [InlineData(UffdioCommand.Continue, 3, UffdioNumber.Continue, 32)]
    [InlineData(UffdioCommand.Poison, 3, UffdioNumber.Poison, 32)]
    public void Commands_encode_direction_number_and_size(uint command, uint direction, int number, uint size) =>
        Assert.Equal((direction << 30) | (size << 16) | (0xAAu << 8) | (uint)number, command);

    [Fact]
    public void A_fault_message_has_flags_address_and_thread_at_8_16_24()
    {
        UffdMsg message = UffdMsg.Pagefault(FaultFlags.Write | FaultFlags.Minor, 0x1122_3344_5566, 77);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<UffdMsg>(in message));
        Assert.Equal(0x12, bytes[0]);
        Assert.Equal(0ul, Unsafe.ReadUnaligned<ulong>(in bytes[0]) >> 8);
        Assert.Equal(5ul, Unsafe.ReadUnaligned<ulong>(in bytes[8]));
        Assert.Equal(0x1122_3344_5566ul, Unsafe.ReadUnaligned<ulong>(in bytes[16]));
        Assert.Equal(77u, Unsafe.ReadUnaligned<uint>(in bytes[24]));
    }

    [Fact]
    public void The_fork_descriptor_lies_where_the_flags_of_a_fault_lie()
    {
        UffdMsg message = UffdMsg.Fork(9);
        Assert.Equal(9u, message.ForkDescriptor);
        Assert.Equal(UffdEvent.Fork, message.Event);
    }

    [Fact]
    public void The_context_reports_register_unregister_and_api() =>
        Assert.Equal(0x8000_0000_0000_0003ul, (ulong)UffdIoctls.OfContext);

    [Fact]
    public void Range_ioctls_are_1FC_and_1CC_for_huge_pages()
    {
        Assert.Equal(0x1FCul, (ulong)UffdIoctls.OfRange);
        Assert.Equal(0x1CCul, (ulong)UffdIoctls.OfHugeRange);
    }

    [Fact]
    public void Features_are_bits_without_a_gap_and_the_first_17_are_those_of_Linux_6_18()
    {
        Assert.Equal(0x1FFFFul, (ulong)UffdFeatures.All);
        UffdFeatures[] bits = [.. Enum.GetValues<UffdFeatures>().Where(f => BitOperations.IsPow2((ulong)f))];
        Assert.Equal(Enumerable.Range(0, bits.Length).Select(bit => (UffdFeatures)(1ul << bit)), bits);
    }
}
