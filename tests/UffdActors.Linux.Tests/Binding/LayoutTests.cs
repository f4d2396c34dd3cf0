using System.Reflection;
using System.Runtime.InteropServices;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Tests.Binding;

/// <summary>
/// Sizes, offsets and command numbers of linux/fs.h, linux/kvm.h, poll.h, sys/socket.h and time.h, beside those of linux/userfaultfd.h in
/// the tests of the facts.
/// </summary>
public sealed class LayoutTests
{
    private static readonly Dictionary<Type, (int Size, string[] Fields)> Expected = new()
    {
        // struct pm_scan_arg, struct page_region
        [typeof(Pagemap.ScanArgument)] = (96,
        [
            "Size 0", "Flags 8", "Start 16", "End 24", "WalkEnd 32", "Vector 40", "VectorLength 48", "MaxPages 56",
            "CategoryInverted 64", "CategoryMask 72", "CategoryAnyOfMask 80", "ReturnMask 88",
        ]),
        [typeof(DirtyRange)] = (24, ["_start 0", "_end 8", "_categories 16"]),
        [typeof(GuestMemfdFactory.CreateGuestMemfd)] = (64, ["Size 0", "Flags 8", "_reserved 16"]),
        [typeof(ControlHeader)] = (ControlHeader.Bytes, ["Length 0", "Level 8", "Type 12"]),
        [typeof(EpollEvent)] = (12, ["Events 0", "Data 4"]),
        [typeof(PollFd)] = (8, ["Descriptor 0", "Events 4", "Returned 6"]),
        [typeof(TimeSpec)] = (16, ["Seconds 0", "Nanoseconds 8"]),
    };

    [Fact]
    public void Every_structure_that_the_kernel_reads_lies_as_in_its_header()
    {
        foreach ((Type type, (int size, string[] fields)) in Expected)
        {
            Assert.Equal((type, size), (type, Marshal.SizeOf(type)));
            Assert.Equal(fields, FieldsOf(type).Select(f => $"{f.Name} {Marshal.OffsetOf(type, f.Name)}"));
        }
    }

    [Fact]
    public void No_structure_of_the_binding_is_left_out()
    {
        Type[] native =
            [.. typeof(Pagemap).Assembly.GetTypes().Where(t => t is { IsValueType: true, IsLayoutSequential: true, IsEnum: false }
                && t.StructLayoutAttribute is { } layout
                && t.GetCustomAttributes().All(a => a is not System.Runtime.CompilerServices.CompilerGeneratedAttribute)
                && IsForTheKernel(t))];
        Assert.Equal(Expected.Keys.Select(t => t.Name).Order(), native.Select(t => t.Name).Order());
    }

    // _IOWR('f', 16, struct pm_scan_arg), _IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
    [Fact]
    public void Commands_encode_direction_number_and_size()
    {
        Assert.Equal((3u << 30) | (96u << 16) | ('f' << 8) | 16, Pagemap.PagemapScan);
        Assert.Equal((3u << 30) | (64u << 16) | (0xAEu << 8) | 0xD4, Kvm.KVM_CREATE_GUEST_MEMFD);
    }

    private static FieldInfo[] FieldsOf(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    // What is passed by address says what it is for: a native name in its file, and integers only.
    private static bool IsForTheKernel(Type type) => FieldsOf(type).Length > 0
        && FieldsOf(type).All(f => f.FieldType.IsPrimitive || f.FieldType.Name.Contains("FixedBuffer", StringComparison.Ordinal))
        && (type.Namespace is "UffdActors.Linux.Native" || type.DeclaringType is not null || type == typeof(DirtyRange));
}
