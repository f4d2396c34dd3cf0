using System.Buffers.Binary;
using UffdActors.Kvm.Snapshots;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>Memory that is copied while its guest goes on: what the copy has is what was there at one moment. No KVM is needed.</summary>
public sealed class LiveCopyTests : IDisposable
{
    private const int Pages = 64;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-live-copy-");

    private string File => Path.Combine(_folder.FullName, "guest");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task Pages_that_are_open_at_the_moment_are_copied_out_in_the_pause(string world)
    {
        if (world == "live") ThisKernel.Require();
        byte[] image = new byte[Pages << 12];
        for (int page = 0; page < Pages; page++) BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(page << 12), page + 1);
        using BytesSource source = new(image);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(world));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect);
        GuestPages pages = new(vm, memory, uffd, (page, room) => image.AsSpan((int)page << 12, 1 << 12).CopyTo(room));
        LiveCopy live = new(uffd, memory, pages);
        await uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, page) => live.BeforeWrite(page) });
        _ = await uffd.UnprotectAsync(memory, 0, Pages);
        await WriteAsync(vm, 1, 2, 3, 9);

        using SnapshotWriter writer = new(File, Pages, isLayer: false);
        await live.PrepareAsync(all: true, default);
        await WriteAsync(vm, 2, 3, 4, 40);
        await live.BeginAsync(writer, changedOnly: false, default);
        byte[] expected = Bytes(pages);
        Assert.Equal((4, 0), (live.CopiedPaused, live.KeptBefore));

        // These are written to without a fault; the others are copied out first.
        await WriteAsync(vm, 2, 3, 4, 40);
        Assert.Equal(0, live.KeptBefore);
        await WriteAsync(vm, 1, 2, 5, 41);
        Assert.Equal((4, 3), (live.CopiedPaused, live.KeptBefore));
        Assert.True(live.LongestHeld > TimeSpan.Zero);
        Assert.True(live.LongestCall > TimeSpan.Zero);
        await live.CopyAsync(default);
        _ = writer.Commit((stored, sample) => new SnapshotDocument
        {
            MemoryBytes = Pages << 12,
            StoredPages = stored,
            Sample = sample,
            Backend = "anon",
            Guest = null,
            State = new SnapshotDocument.StatePart([], "", [], 0, 0, true),
            Expected = null,
        });

        Assert.Equal(expected, await System.IO.File.ReadAllBytesAsync(File));
        Assert.NotEqual(expected, Bytes(pages));
    }

    private static byte[] Bytes(GuestPages pages)
    {
        byte[] all = new byte[Pages << 12];
        pages.ReadAll(0, all);
        return all;
    }

    private static async Task WriteAsync(UffdVm vm, params long[] pages)
    {
        VcpuGroup vcpu = await vm.StartVcpusAsync([Steps.Writes(pages)]);
        await vcpu.WaitAsync().WaitAsync(Deadline);
        Assert.Null(vcpu.Error);
    }
}
