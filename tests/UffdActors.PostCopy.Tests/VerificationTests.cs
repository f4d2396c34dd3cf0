using System.Runtime.InteropServices;

namespace UffdActors.PostCopy.Tests;

/// <summary>"verified" means every byte: one that is another, wherever it lies, is no equal hash.</summary>
public sealed class VerificationTests
{
    private const int Pages = 16;

    [Fact]
    public async Task One_wrong_byte_anywhere_is_noticed()
    {
        using GuestImage image = GuestImage.Make(Pages * 4096, 9);
        using ImageSource source = new(image);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 2 * Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        IWorkload[] work = [
            .. Enumerable.Range(0, 2)
                .Select(i => new SyntheticWorkload(WorkloadKind.Random, Pages, accesses: 40, writeRatio: 0.5, seed: 3, vcpu: i, vcpus: 2))];
        VcpuGroup vcpus = await vm.StartVcpusAsync(work);
        await vcpus.WaitAsync();
        await (await uffd.PushAsync(memory, source)).WaitAsync();

        Assert.True(await IsEqualAsync());
        foreach (int page in (int[])[0, 1, Pages / 2, Pages - 1])
        {
            // Lanes of vCPUs, behind them, the middle, both ends. What a vCPU has written hides what the image says there.
            foreach (int offset in (int[])[1000, 2047, 2048, 4095])
            {
                nint address = image.AddressOf(page) + offset;
                byte right = Marshal.ReadByte(address);
                Marshal.WriteByte(address, (byte)(right ^ 0x10));
                Assert.False(await IsEqualAsync(), $"page {page}, byte {offset}");
                Marshal.WriteByte(address, right);
            }
        }

        Assert.True(await IsEqualAsync());

        async Task<bool> IsEqualAsync()
        {
            Comparison compared = await Verification.CompareAsync(image, vm, memory, work, vcpus, isStepped: false, CancellationToken.None);
            Assert.Equal(0, compared.MissingPages);
            return compared.SourceHash == compared.DestinationHash;
        }
    }

    /// <summary>An absent page reads as zeros: where the source has zeros too, the hashes are equal, and only the count tells.</summary>
    [Fact]
    public async Task A_page_that_is_absent_is_counted_where_the_source_has_zeros_too()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, new byte[Pages * 4096]);
            using GuestImage image = GuestImage.FromFile(path);
            await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 2 * Pages });
            GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
            SyntheticWorkload work = new(WorkloadKind.Random, Pages, accesses: 0, writeRatio: 0, seed: 1, vcpu: 0, vcpus: 1);
            VcpuGroup vcpus = await vm.StartVcpusAsync([work]);
            await vcpus.WaitAsync();
            Comparison compared =
                await Verification.CompareAsync(image, vm, memory, [work], vcpus, isStepped: false, CancellationToken.None);
            Assert.Equal(compared.SourceHash, compared.DestinationHash);
            Assert.Equal(Pages, compared.MissingPages);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_guest_that_has_read_something_else_or_lacks_a_page_is_not_verified()
    {
        using GuestImage image = GuestImage.Make(Pages * 4096, 9);
        PostCopyReport report = await Migrations.RunAsync("fault-loop", new PostCopyOptions { Image = image, Accesses = 100 });
        Assert.True(report.Verified, report.GuestError);
        Assert.False((report with { GuestError = "vCPU 0 read other bytes" }).Verified);
        Assert.False((report with { MissingPages = 1 }).Verified);
        Assert.False((report with { DestinationHash = "00" }).Verified);
    }

    /// <summary>At the end both sides may be equal again: what the guest has read in between is told by its own checks.</summary>
    [Fact]
    public async Task A_guest_that_reads_something_else_than_the_image_holds_says_so()
    {
        using GuestImage image = GuestImage.Make(Pages * 4096, 9);
        int faults = 0;
        PostCopyReport report = await Migrations.RunAsync(
            "fault-loop",
            new PostCopyOptions
            {
                Image = image,
                Accesses = 1000,
                Vcpus = 1,
                WriteRatio = 0,
                SkipPush = true,
                FaultObserver = _ => Change(),
            });
        Assert.NotNull(report.GuestError);
        Assert.False(report.Verified);

        // As if what has come so far had been something else.
        void Change()
        {
            if (Interlocked.Increment(ref faults) != Pages / 2) return;
            for (int offset = 0; offset < Pages * 4096; offset++)
                Marshal.WriteByte(image.AddressOf(0) + offset, (byte)(Marshal.ReadByte(image.AddressOf(0) + offset) ^ 0x10));
        }
    }

    /// <summary>What a vCPU has written last in a page is part of it, too.</summary>
    [Fact]
    public async Task A_write_that_was_lost_is_noticed()
    {
        using GuestImage image = GuestImage.Make(Pages * 4096, 9);
        using ImageSource source = new(image);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 2 * Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Work(writeRatio: 1)]);
        await vcpus.WaitAsync();
        await (await uffd.PushAsync(memory, source)).WaitAsync();

        Assert.True(await IsEqualAsync(Work(writeRatio: 1)));
        // The guest is said to have read only, or to have written one place more.
        Assert.False(await IsEqualAsync(Work(writeRatio: 0)));
        Assert.False(await IsEqualAsync(Work(writeRatio: 1, seed: 4)));

        static SyntheticWorkload Work(double writeRatio, ulong seed = 3) =>
            new(WorkloadKind.Random, Pages, accesses: 5, writeRatio: writeRatio, seed: seed, vcpu: 0, vcpus: 1);

        async Task<bool> IsEqualAsync(IWorkload work)
        {
            Comparison compared =
                await Verification.CompareAsync(image, vm, memory, [work], vcpus, isStepped: false, CancellationToken.None);
            return compared.SourceHash == compared.DestinationHash;
        }
    }
}
