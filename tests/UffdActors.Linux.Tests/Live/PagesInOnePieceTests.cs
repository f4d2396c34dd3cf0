using System.Buffers.Binary;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Several pages are read in one piece where all of them are mapped.</summary>
public sealed class PagesInOnePieceTests
{
    private const int Pages = 8;
    private const int Absent = 5;

    [SkippableTheory]
    [InlineData(null)]
    [InlineData("shmem")]
    public async Task What_is_mapped_is_read_and_a_hole_is_not(string? module)
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        using PageBytes source = new(Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = module });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1, 2, 3, 4, 6, 7)]);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        GuestReader reader = vm.NewReader();
        byte[] bytes = new byte[3 * 4096];
        Assert.True(reader.TryReadPages(region, 2, bytes));
        for (int page = 0; page < 3; page++)
        {
            Assert.Equal(PageBytes.WordOf(2 + page), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(page * 4096)));
            Assert.Equal(PageBytes.WordOf(2 + page), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan((page * 4096) + 4088)));
        }

        Assert.False(reader.TryReadPages(region, Absent - 1, bytes));
        Assert.False(reader.TryReadPages(region, Absent, bytes));
        Assert.False(uffd.ReceivedOf(region).Contains(Absent));
        Assert.True(reader.TryReadPages(region, Absent + 1, bytes.AsSpan(0, 2 * 4096)));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => reader.TryReadPages(region, Pages - 2, bytes));
    }
}
