using System.Security.Cryptography;

namespace UffdActors.PostCopy.Tests;

/// <summary>
/// MINOR without MISSING fills a hole with zeros and tells nobody: a destination is allocated in full before the guest runs.
/// </summary>
public class MinorTests
{
    [Theory]
    [InlineData("shmem")]
    [InlineData("guest-memfd")]
    public async Task A_page_cache_that_is_not_allocated_first_loses_the_sources_bytes_without_a_fault(string backend)
    {
        using GuestImage image = GuestImage.Make(1 << 20, 3);
        // One vCPU writes to every page, so that all are there at the end, whatever they hold; no push mends what a fault should have.
        PostCopyOptions options = new()
        {
            Image = image,
            Backend = backend,
            Mode = PostCopyMode.Minor,
            Vcpus = 1,
            Workload = WorkloadKind.Sequential,
            Accesses = image.Pages,
            WriteRatio = 1,
            SkipPush = true,
        };

        PostCopyReport allocated = await Migrations.RunAsync("fault-loop", options);

        Assert.True(allocated.Verified, allocated.GuestError);
        Assert.Equal(image.Pages, allocated.MinorWrites);
        (string holes, long faults) = await RunOverHolesAsync(image, backend);
        Assert.NotEqual(allocated.DestinationHash, holes);
        Assert.Equal(0, faults);
    }

    // The same guest in memory whose page cache is left empty.
    private static async Task<(string Hash, long Faults)> RunOverHolesAsync(GuestImage image, string backend)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = image.Pages + 16 });
        GuestRegion region = await vm.MapAsync(
            new RegionOptions { Pages = image.Pages, Module = backend, WithAlias = true, LeavesAliasEmpty = true });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Minor);
        using ImageSource source = new(image);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartVcpusAsync(
            [new SyntheticWorkload(WorkloadKind.Sequential, image.Pages, image.Pages, writeRatio: 1, seed: 1, vcpu: 0, vcpus: 1)]);
        await vcpu.WaitAsync();
        Assert.Null(vcpu.Error);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[4096];
        GuestReader reader = vm.NewReader();
        for (long page = 0; page < region.Pages; page++)
        {
            Assert.True(reader.TryRead(region, page, bytes));
            hash.AppendData(bytes);
        }

        await uffd.AbandonAsync();
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), uffd.Counts().Faults);
    }
}
